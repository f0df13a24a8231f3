"""Structural measurements: words, lines, numbers and nesting of small texts, by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.features.lexicon import GROUPS
from serving.decision.features.structure import (
    LINE_NAMES,
    NUMBER_NAMES,
    STRUCTURE_NAMES,
    WORD_NAMES,
    blank_non_digits,
    blank_non_letters,
    line_sizes,
    number_sizes,
    structure,
    word_group_counts,
    word_sizes,
)

TEXTS = st.text("aB1 \n,.([{}])?`-\xe9", max_size=120).map(lambda text: text.encode("latin-1"))


def lines(data: bytes) -> dict[str, float]:
    return dict(zip(LINE_NAMES, line_sizes(data, blank_non_letters(data), blank_non_digits(data)), strict=True))


def numbers(data: bytes) -> dict[str, float]:
    return dict(zip(NUMBER_NAMES, number_sizes(blank_non_digits(data)), strict=True))


def test_letters_are_lowered_and_the_rest_blanked() -> None:
    assert blank_non_letters(b"Don't \xc9t\xe9 42!\nX\xd7\xf7") == b"don't \xe9t\xe9    \nx  "
    assert blank_non_digits(b"a1,23\nb4") == b" 1 23\n 4"


def test_words_of_groups_are_counted() -> None:
    found = dict(zip(GROUPS, word_group_counts([b"solve", b"solve", b"xyzzy", b"must"], "", False), strict=True))
    assert {name: count for name, count in found.items() if count} == {"compute": 2, "bind": 1}


def test_chinese_is_searched_only_where_the_text_holds_some() -> None:
    place = GROUPS.index("compute")
    assert word_group_counts([], "\u8ba1\u7b97\u8ba1\u7b97", True)[place] == 2
    assert word_group_counts([], "\u8ba1\u7b97\u8ba1\u7b97", False)[place] == 0


def test_words_and_chunks() -> None:
    data = b"to be or not, to-be"
    found = dict(zip(WORD_NAMES, word_sizes(data, [b"to", b"be", b"or", b"not", b"to", b"be"], 0.0), strict=True))
    assert found == {"words": 6, "distinct_words": 4, "longest_word": 3, "chunks": 5, "longest_chunk": 5}
    assert word_sizes(b"", [], 8.0)[0] == 5.0  # 1.6 characters a word where there are no spaces


def test_lines_of_a_grid() -> None:
    found = lines(b"Grid:\n1 0 1\n0 1 1\n\n7,8")
    assert found == {
        "lines": 5, "distinct_lines": 5, "longest_line": 5, "last_line": 3, "longest_paragraph": 17, "equal_lines": 2,
        "lines_without_letters": 3, "widest_row": 2, "widest_numbers": 3, "widest_commas": 1,
    }  # fmt: skip


@given(TEXTS)
def test_one_line_measures_as_a_line_among_others_does(data: bytes) -> None:
    """The short cut for one line gives what the general way gives: an empty line more changes only what it must."""
    line = data.replace(b"\n", b" ")
    alone, followed = lines(line), lines(line + b"\n")
    for name in ("longest_line", "lines_without_letters", "widest_row", "widest_numbers", "widest_commas"):
        assert alone[name] == followed[name]
    assert (alone["lines"], followed["lines"], followed["last_line"]) == (1, 2, 0)


def test_numbers_by_size_and_by_place() -> None:
    found = numbers(b"from 12 over 3000 and 12 to 7")
    assert found.pop("digits_of_numbers") == pytest.approx(math.log(13 * 3001 * 13 * 8))
    assert found == {
        "numbers": 4, "distinct_numbers": 3, "largest_number": 3000, "second_number": 12, "median_number": 12,
        "smallest_number": 7, "first_number": 12, "last_number": 7, "long_numbers": 1, "longest_number": 4,
    }  # fmt: skip
    assert number_sizes(b"  ") == [0.0] * len(NUMBER_NAMES)
    assert numbers(b"5")["second_number"] == 0


def test_of_many_numbers_all_are_counted_and_the_middle_is_not_read() -> None:
    found = numbers(b"1 " * 200 + b"9999 " * 100 + b"2 " * 200)
    assert (found["numbers"], found["largest_number"], found["last_number"]) == (500, 2, 2)


def test_a_number_of_any_length_is_finite() -> None:
    assert numbers(b"9" * 5000) | {"digits_of_numbers": 0} == {
        "numbers": 1, "distinct_numbers": 1, "largest_number": 1e18, "second_number": 0, "median_number": 1e18,
        "smallest_number": 1e18, "first_number": 1e18, "last_number": 1e18, "digits_of_numbers": 0, "long_numbers": 1,
        "longest_number": 5000,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"", [0, 0, 0, 0]),
        (b"f(a[0])", [2, 0, 0, 0]),
        (b")))((", [2, 0, 0, 0]),
        (b"Pick:\n(a) tea\n2. milk\n* wine\nnone", [1, 3, 0, 0]),
        (b"```\nx\n```\nWhy? ", [0, 0, 2, 1]),
    ],
)
def test_nesting_options_fences_and_a_question_at_the_end(text: bytes, wanted: list[float]) -> None:
    assert dict(zip(STRUCTURE_NAMES, structure(text), strict=True)) == dict(zip(STRUCTURE_NAMES, wanted, strict=True))
