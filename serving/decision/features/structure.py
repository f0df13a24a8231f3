"""Structural measurements of a text: its words, lines, numbers and nesting."""

from __future__ import annotations

import re
from itertools import repeat
from math import log1p
from operator import eq
from typing import Final

from serving.decision.features.lexicon import GROUPS, HAN_GROUP, WORD_GROUP

WORD_NAMES: Final[tuple[str, ...]] = ("words", "distinct_words", "longest_word", "chunks", "longest_chunk")
LINE_NAMES: Final[tuple[str, ...]] = (
    "lines", "distinct_lines", "longest_line", "last_line", "longest_paragraph", "equal_lines", "lines_without_letters",
    "widest_row", "widest_numbers", "widest_commas",
)  # fmt: skip
NUMBER_NAMES: Final[tuple[str, ...]] = (
    "numbers", "distinct_numbers", "largest_number", "second_number", "median_number", "smallest_number",
    "first_number", "last_number", "digits_of_numbers", "long_numbers", "longest_number",
)  # fmt: skip
STRUCTURE_NAMES: Final[tuple[str, ...]] = ("depth", "options", "fences", "asks_at_end")

_MAX_NUMBERS: Final = 256
"""Numbers whose values are read, half from the head and half from the tail; all are counted."""

_MAX_DIGITS: Final = 18
_HAN_CHARS_PER_WORD: Final = 1.6

_BRACKETS: Final = b"([{)]}"
_NO_BRACKET: Final = bytes(set(range(256)) - set(_BRACKETS))
_OPTION: Final = re.compile(rb"\n[ \t]*(?:[-*]|\(?(?:[0-9]{1,2}|[A-Za-z])[.):])[ \t]")


def _blank_all_but(kept: bytes, lower: bool = False) -> bytes:
    """Build the translation table that turns all but `kept` (and line ends) into spaces."""
    table = bytearray(b" " * 256)
    for symbol in (*kept, ord("\n")):
        table[symbol] = symbol
    if lower:
        for symbol in (*range(0x41, 0x5B), *range(0xC0, 0xD7), *range(0xD8, 0xDF)):
            table[symbol] = symbol + 0x20
    return bytes(table)


_GROUP_NUMBER: Final = {word: group + 1 for word, group in WORD_GROUP.items()}
_LETTERS: Final = _blank_all_but(b"abcdefghijklmnopqrstuvwxyz'" + bytes(set(range(0xDF, 0x100)) - {0xF7}), lower=True)
_DIGITS: Final = _blank_all_but(b"0123456789")


def word_group_counts(words: list[bytes], text: str, east_asian: bool) -> list[float]:
    """Count the words of each group of the lexicon; `GROUPS` long."""
    found = bytes(map(_GROUP_NUMBER.get, words, repeat(0)))
    counts = [float(found.count(number)) for number in range(1, len(GROUPS) + 1)]
    if east_asian:
        for part, group in HAN_GROUP.items():
            counts[group] += text.count(part)
    return counts


def blank_non_letters(data: bytes) -> bytes:
    """Lower-case the letters and blank out all else but line ends."""
    return data.translate(_LETTERS)


def blank_non_digits(data: bytes) -> bytes:
    """Blank out all but ASCII digits and line ends."""
    return data.translate(_DIGITS)


def word_sizes(data: bytes, words: list[bytes], east_asian: float) -> list[float]:
    """Measure words and chunks between spaces; `WORD_NAMES` long. `east_asian`: characters without spaces."""
    chunks = data.split()
    return [
        len(words) + east_asian / _HAN_CHARS_PER_WORD,
        len(set(words)),
        max(map(len, words), default=0),
        len(chunks),
        max(map(len, chunks), default=0),
    ]


def line_sizes(data: bytes, letters: bytes, digits: bytes) -> list[float]:
    """Measure lines, and rows of grids and tables; `LINE_NAMES` long."""
    if b"\n" not in data:  # fast path: most short requests
        unlettered = int(letters.isspace() and not data.isspace())
        sizes = (len(data), len(data), len(data))
        return [1, 1, *sizes, 0, unlettered, data.count(b" "), len(digits.split()), data.count(b",")]
    lines = data.split(b"\n")
    lengths = list(map(len, lines))
    letter_lines = letters.split(b"\n")
    unlettered = sum(
        [letter_line.isspace() and not line.isspace() for letter_line, line in zip(letter_lines, lines, strict=True)]
    )
    return [
        len(lines),
        len(set(lines)),
        max(lengths),
        lengths[-1],
        max(map(len, data.split(b"\n\n"))),
        sum(map(eq, lengths, lengths[1:])),
        unlettered,
        max([line.count(b" ") for line in lines]),
        max([len(line.split()) for line in digits.split(b"\n")]),
        max([line.count(b",") for line in lines]),
    ]


def number_sizes(digits: bytes) -> list[float]:
    """Measure the runs of digits that `blank_non_digits` keeps; `NUMBER_NAMES` long, all 0 where there is none."""
    numbers = digits.split()
    if not numbers:
        return [0.0] * len(NUMBER_NAMES)
    kept = numbers
    if len(numbers) > _MAX_NUMBERS:
        kept = numbers[: _MAX_NUMBERS // 2] + numbers[-_MAX_NUMBERS // 2 :]
    read = [float(number[:_MAX_DIGITS]) for number in kept]
    values = sorted(read)
    return [
        len(numbers),
        len(set(numbers)),
        values[-1],
        values[-2] if len(values) > 1 else 0.0,
        values[len(values) // 2],
        values[0],
        read[0],
        read[-1],
        sum(map(log1p, values)),
        sum([value >= 1000 for value in values]),
        max(map(len, numbers)),
    ]


def structure(data: bytes) -> list[float]:
    """Measure nesting and the form of the whole; `STRUCTURE_NAMES` long."""
    return [
        _depth(data.translate(None, _NO_BRACKET)),
        len(_OPTION.findall(data)),
        data.count(b"```"),
        data.rstrip().endswith(b"?"),
    ]


def _depth(brackets: bytes) -> int:
    """Give the deepest nesting of a run of brackets of any kind.

    Examples
    --------
    >>> _depth(b"([]{()})")
    3
    """
    depth = deepest = 0
    for bracket in brackets:
        if bracket in b"([{":
            depth += 1
            if depth > deepest:
                deepest = depth
        elif depth:
            depth -= 1
    return deepest
