"""Lossless JSON for bodies that are passed on: integers of any length and lone surrogates survive a round trip.

A body that orjson keeps exactly takes its fast path; the standard library reads and writes the rest. The standard
library alone would add 0.1 ms to a body of 40 kB, and escape all its non-ASCII text.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import orjson

from serving.schemas.problems import NOT_JSON, Problem, Rejected

_EXACT_BELOW: Final = 2.0**63
"""A float at or beyond this may be an integer that orjson had to round."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed body.

    Parameters
    ----------
    value
        The parsed value.
    plain
        orjson writes it exactly; otherwise it holds numbers or lone surrogates that only the standard library keeps.
    """

    value: Any
    plain: bool


def read_lossless(raw: bytes | bytearray) -> Document:
    """Parse a body without loss: integers of any length and lone surrogates are kept.

    Raises
    ------
    Rejected
        With `not-json` for invalid JSON, NaN, infinity, and nesting that is too deep to parse.

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
    """Serialise a document of `read_lossless`, changed or not.

    Raises
    ------
    Rejected
        With `not-json`, where it nests too deep to serialise.
    """
    try:
        if plain:
            return orjson.dumps(value)
    except TypeError:
        pass  # nested deeper than orjson writes
    try:
        return json.dumps(value, separators=(",", ":")).encode()
    except RecursionError:
        raise Rejected(Problem(NOT_JSON, "the body nests too deep: send it to the model as it is")) from None


def _may_be_rounded(value: Any) -> bool:
    """Search for floats so large that they may stand for an integer; the cost grows with values, not with bytes."""
    pending = [value]
    while pending:
        found = pending.pop()
        kind = type(found)
        if kind is dict:
            pending.extend(found.values())
        elif kind is list:
            pending.extend(found)
        elif kind is float and not -_EXACT_BELOW < found < _EXACT_BELOW:
            return True
    return False


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)
