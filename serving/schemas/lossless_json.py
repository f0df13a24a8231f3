"""Reads and writes JSON that belongs to somebody else: what is passed on means exactly what came."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import orjson

from serving.schemas.problems import NOT_JSON, Problem, Rejected

_EXACT_BELOW: Final = 2.0**63
"""A float from here on may be a whole number that the fast parser had to round."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed body.

    Parameters
    ----------
    value
        What it holds.
    plain
        The fast writer gives it back exactly; else it holds numbers or broken Unicode that only the slow one keeps.
    """

    value: Any
    plain: bool


def read_lossless(raw: bytes | bytearray) -> Document:
    """Parse a body without loss: whole numbers of any length and lone surrogates are kept.

    Raises
    ------
    Rejected
        With `not-json` for anything that is not JSON, for NaN, infinity, and what nests too deep to be read.

    Examples
    --------
    >>> read_lossless(b'{"seed": 123456789012345678901}').value
    {'seed': 123456789012345678901}
    """
    fault = ""
    try:
        value = orjson.loads(raw)
        if not _may_be_rounded(value):
            return Document(value, True)
    except orjson.JSONDecodeError as error:
        fault = f"{error.msg} at line {error.lineno}, column {error.colno}"
    try:
        text = bytes(raw).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogatepass")
        return Document(json.loads(text, parse_constant=_refuse, parse_float=_finite), False)
    except (ValueError, RecursionError) as error:
        fault = fault or (f"{error.msg} at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "")
        detail = f"not JSON{f': {fault}' if fault else ''}; send one JSON object in UTF-8"
        raise Rejected(Problem(NOT_JSON, detail)) from None


def write_lossless(value: Any, plain: bool) -> bytes:
    """Write what `read_lossless` gave, changed or not.

    Raises
    ------
    Rejected
        With `not-json`, where it nests too deep to be written.
    """
    try:
        if plain:
            return orjson.dumps(value)
    except TypeError:
        pass  # it nests deeper than orjson writes
    try:
        return json.dumps(value, separators=(",", ":")).encode()
    except RecursionError:
        raise Rejected(Problem(NOT_JSON, "the body nests too deep: send it to the model as it is")) from None


def _may_be_rounded(value: Any) -> bool:
    """Look for floats so large that they may stand for a whole number; costs by the number of values, not of bytes."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        kind = type(found)
        if kind is dict:
            waiting.extend(found.values())
        elif kind is list:
            waiting.extend(found)
        elif kind is float and not -_EXACT_BELOW < found < _EXACT_BELOW:
            return True
    return False


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)
