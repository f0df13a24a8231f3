"""Reads and writes JSON that belongs to somebody else: what is passed on means exactly what came."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import orjson

from serving.problems import NOT_JSON, Problem, Rejected

_LONG_NUMBER: Final = re.compile(rb"\d{19}")
"""Such a run of digits may be a whole number that the fast parser would round."""


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


def read_exact(raw: bytes | bytearray) -> Document:
    """Parse a body without loss: whole numbers of any length and lone surrogates are kept.

    Raises
    ------
    Rejected
        With `not-json` for anything that is not JSON, for NaN, infinity, and what nests too deep to be read.

    Examples
    --------
    >>> read_exact(b'{"seed": 123456789012345678901}').value
    {'seed': 123456789012345678901}
    """
    fault = ""
    if not _LONG_NUMBER.search(raw):
        try:
            return Document(orjson.loads(raw), True)
        except orjson.JSONDecodeError as error:
            fault = f"{error.msg} at line {error.lineno}, column {error.colno}"
    try:
        text = bytes(raw).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogatepass")
        return Document(json.loads(text, parse_constant=_refuse, parse_float=_finite), False)
    except (ValueError, RecursionError) as error:
        fault = fault or (f"{error.msg} at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "")
        detail = f"not JSON{f': {fault}' if fault else ''}; send one JSON object in UTF-8"
        raise Rejected(Problem(NOT_JSON, detail)) from None


def write_exact(value: Any, plain: bool) -> bytes:
    """Write what `read_exact` gave, changed or not.

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


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)
