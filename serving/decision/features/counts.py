"""Histograms of character classes and of pairs of neighbouring classes; the classes are tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.decision.features.characters import BOXES, FOREIGN, HAN, MATHS, PICTURES

_LOWER: Final = bytes(range(0x61, 0x7B)) + bytes(range(0xDF, 0xF7)) + bytes(range(0xF8, 0x100))
_UPPER: Final = bytes(range(0x41, 0x5B)) + bytes(range(0xC0, 0xD7)) + bytes(range(0xD8, 0xDF))
_CHARACTER_CLASSES: Final[Mapping[str, Iterable[int]]] = {
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

_PAIR_CLASSES: Final[Mapping[str, Iterable[int]]] = {
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
_CLASS_NAMES: Final = tuple(_PAIR_CLASSES)
_NOT_LETTER: Final = tuple(name for name in _CLASS_NAMES if name not in _LETTER)
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

CHARACTER_NAMES: Final[tuple[str, ...]] = tuple(_CHARACTER_CLASSES)
NEIGHBOUR_NAMES: Final[tuple[str, ...]] = (*_PAIRS, "repeated")


def _pair_codes() -> Mapping[str, Iterable[int]]:
    """Encode the pairs that each feature counts as class of the first x 16 + class of the second."""
    return {
        name: [
            _CLASS_NAMES.index(first) * 16 + _CLASS_NAMES.index(second)
            for firsts, seconds in products
            for first in firsts
            for second in seconds
        ]
        for name, products in _PAIRS.items()
    }


def _membership(classes: Mapping[str, Iterable[int]]) -> NDArray[np.bool_]:
    """Give the membership of 256 codes in each class: bool (classes, 256)."""
    counted = np.zeros((len(classes), 256), np.bool_)
    for row, codes in enumerate(classes.values()):
        counted[row, list(codes)] = True
    return counted


class _Histogram:
    """Counts classes of codes; codes of the same classes share a bin: two alphabets fit one byte."""

    def __init__(self, *alphabets: Mapping[str, Iterable[int]]) -> None:
        self.bins: list[bytes] = []
        """For each alphabet, the table that turns its codes into bins."""
        counted: list[NDArray[np.bool_]] = []
        for alphabet in alphabets:
            atoms, place = np.unique(_membership(alphabet), axis=1, return_inverse=True)
            self.bins.append(bytes((place.ravel() + sum(len(one.T) for one in counted)).tolist()))
            counted.append(atoms)
        width = sum(len(one.T) for one in counted)
        table = np.zeros((sum(map(len, counted)), width), np.bool_)
        row = column = 0
        for one in counted:
            table[row : row + len(one), column : column + len(one.T)] = one
            row, column = row + len(one), column + len(one.T)
        classes, self._bins_of_classes = np.nonzero(table)
        self._starts = np.searchsorted(classes, np.arange(len(table)))
        self._width = width

    def count(self, bins: bytes) -> NDArray[np.intp]:
        """Count the codes of each class, alphabet after alphabet.

        Few bins belong to a class, so a product with the whole table would cost twice as much.
        """
        histogram = np.bincount(np.frombuffer(bins, np.uint8), minlength=self._width)
        return np.asarray(np.add.reduceat(histogram.take(self._bins_of_classes), self._starts))


_CLASS: Final = bytearray(256)
for _place, _symbols in enumerate(_PAIR_CLASSES.values()):
    for _symbol in _symbols:
        _CLASS[_symbol] = _place
_SECOND: Final = bytes(_CLASS)
_FIRST: Final = bytes(place * 16 for place in _CLASS)  # fewer than 16 classes, so a pair fits one byte
_HISTOGRAM: Final = _Histogram(_CHARACTER_CLASSES, _pair_codes())
_CHARACTER_BINS, _PAIR_BINS = _HISTOGRAM.bins


def count_symbols(data: bytes) -> NDArray[np.intp]:
    """Count each class of characters and each class of neighbouring pairs.

    Parameters
    ----------
    data
        At least one symbol, as `to_symbols` gives them.

    Returns
    -------
    NDArray[np.intp]
        In the order of `CHARACTER_NAMES` and then of `NEIGHBOUR_NAMES` without its last, which `count_repeats` gives.
    """
    # Whole texts as one number each: neighbours are combined without a loop and without an array.
    firsts, seconds = int.from_bytes(data.translate(_FIRST)[:-1]), int.from_bytes(data.translate(_SECOND)[1:])
    pairs = (firsts | seconds).to_bytes(len(data) - 1)
    return _HISTOGRAM.count(data.translate(_CHARACTER_BINS) + pairs.translate(_PAIR_BINS))


def count_repeats(data: bytes) -> int:
    """Count the symbols that equal the one before.

    Examples
    --------
    >>> count_repeats(b"aabbb"), count_repeats(b"a")
    (3, 0)
    """
    return (int.from_bytes(data[1:]) ^ int.from_bytes(data[:-1])).to_bytes(len(data) - 1).count(0)
