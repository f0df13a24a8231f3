"""Counts kinds of characters and kinds of neighbours in one pass each: which of them, is data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.decision.features.alphabet import BOXES, FOREIGN, HAN, MATHS, PICTURES
from serving.decision.types import FloatArray

_LOWER: Final = bytes(range(0x61, 0x7B)) + bytes(range(0xDF, 0xF7)) + bytes(range(0xF8, 0x100))
_UPPER: Final = bytes(range(0x41, 0x5B)) + bytes(range(0xC0, 0xD7)) + bytes(range(0xD8, 0xDF))
_KINDS: Final[Mapping[str, Iterable[int]]] = {
    "lower": _LOWER,
    "upper": _UPPER,
    "digits": b"0123456789",
    "zeros": b"0",
    "bits": b"01",
    "spaces": b" \t",
    "commas": b",",
    "periods": b".",
    "colons": b":",
    "question_marks": b"?",
    "quotes": b'"',
    "apostrophes": b"'",
    "parentheses": b"(",
    "brackets": b"[",
    "code_marks": b";{`\\$",
    "plus": b"+",
    "minus": b"-",
    "times": b"*",
    "slash": b"/",
    "equals": b"=",
    "angles": b"<>",
    "operators": b"^%&|~!",
    "marks": b"#@_",
    "accents": bytes(range(0xC0, 0x100)),
    "east_asian": range(HAN, HAN + 3),
    "foreign": FOREIGN,
    "mathematical": (MATHS, 0xB0, 0xB2, 0xB3),
    "boxes": (BOXES,),
    "pictures": PICTURES,
}
"""Feature: the symbols it counts."""

_CLASSES: Final[Mapping[str, Iterable[int]]] = {
    "other": (),
    "lower": _LOWER,
    "upper": _UPPER,
    "digit": b"0123456789",
    "space": b" \t",
    "line": b"\n",
    "stop": b".!?",
    "comma": b",;:",
    "operator": b"+-*/=<>^%|&~",
    "open": b"([{",
    "close": b")]}",
    "quote": b"'\"`",
    "mark": b"#@_$\\",
    "foreign": range(0x80, 0x8C),
}
_LETTER: Final = ("lower", "upper")
_ANY: Final = tuple(_CLASSES)
_NOT_LETTER: Final = tuple(name for name in _ANY if name not in _LETTER)
_PAIRS: Final[Mapping[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]]] = {
    "capitalised": ((_NOT_LETTER, ("upper",)),),
    "acronyms": ((("upper",), ("upper",)),),
    "letter_by_digit": ((_LETTER, ("digit",)), (("digit",), _LETTER)),
    "sentence_ends": ((("stop",), ("space", "line")),),
    "decimals": ((("stop",), ("digit",)),),
    "digit_by_operator": ((("operator",), ("digit",)), (("digit",), ("operator",))),
    "spaced_operators": ((("operator",), ("space",)),),
    "operator_runs": ((("operator",), ("operator",)),),
    "blank_lines": ((("line",), ("line",)),),
    "indented_lines": ((("line",), ("space",)),),
    "lines_with_digit_first": ((("line",), ("digit",)),),
    "lines_with_capital_first": ((("line",), ("upper",)),),
    "lines_with_mark_first": ((("line",), ("stop", "comma", "operator", "open", "close", "quote", "mark")),),
    "digits_spaced": ((("digit",), ("space",)),),
    "digits_enumerated": ((("digit",), ("comma",)),),
    "calls": (((*_LETTER, "mark"), ("open",)),),
    "space_runs": ((("space",), ("space",)),),
}
"""Feature: the pairs of neighbours it counts, as (classes of the first, classes of the second)."""

CHARACTER_NAMES: Final[tuple[str, ...]] = tuple(_KINDS)
NEIGHBOUR_NAMES: Final[tuple[str, ...]] = (*_PAIRS, "repeated")


def _kind_matrix() -> FloatArray:
    matrix = np.zeros((256, len(_KINDS)), np.float32)
    for column, kind in enumerate(_KINDS.values()):
        matrix[list(kind), column] = 1
    return matrix


def _pair_matrix() -> FloatArray:
    matrix = np.zeros((256, len(_PAIRS)), np.float32)
    for column, products in enumerate(_PAIRS.values()):
        for firsts, seconds in products:
            rows = [_ANY.index(first) * 16 + _ANY.index(second) for first in firsts for second in seconds]
            matrix[rows, column] = 1
    return matrix


_COUNTED: Final = np.zeros((512, len(_KINDS) + len(_PAIRS)), np.float32)
_COUNTED[:256, : len(_KINDS)] = _kind_matrix()
_COUNTED[256:, len(_KINDS) :] = _pair_matrix()
_COLUMNS, _PLACES = np.nonzero(_COUNTED.T)
_STARTS: Final = np.searchsorted(_COLUMNS, np.arange(_COUNTED.shape[1]))
"""Which places of the histogram are added up for each feature: few are, so a product would cost twice as much."""
_CLASS: Final = np.zeros(256, np.uint8)
for _place, _symbols in enumerate(_CLASSES.values()):
    _CLASS[list(_symbols)] = _place
_SECOND: Final = _CLASS.tobytes()
_FIRST: Final = (_CLASS * 16).tobytes()  # fewer than 16 classes, so a pair fits one byte


def tally(data: bytes) -> NDArray[np.intp]:
    """Count each kind of character and each kind of neighbouring pair.

    Parameters
    ----------
    data
        At least one symbol, as `symbols` gives them.

    Returns
    -------
    NDArray[np.intp]
        In the order of `CHARACTER_NAMES` and then `NEIGHBOUR_NAMES`.
    """
    found = np.frombuffer(data, np.uint8)
    pairs = np.frombuffer(data.translate(_FIRST), np.uint8)[:-1] + np.frombuffer(data.translate(_SECOND), np.uint8)[1:]
    histogram = np.empty(512, np.intp)
    histogram[:256] = np.bincount(found, minlength=256)
    histogram[256:] = np.bincount(pairs, minlength=256)
    counted = np.empty(len(_STARTS) + 1, np.intp)
    np.add.reduceat(histogram.take(_PLACES), _STARTS, out=counted[:-1])
    counted[-1] = np.count_nonzero(found[1:] == found[:-1])
    return counted
