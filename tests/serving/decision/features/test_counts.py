"""Counts of character classes and of neighbouring pairs, against a plain loop and known values."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.features.characters import to_symbols
from serving.decision.features.counts import CHARACTER_NAMES, NEIGHBOUR_NAMES, count_repeats, count_symbols

SYMBOLS = st.binary(min_size=1, max_size=300) | st.text(st.characters(), min_size=1, max_size=80).map(to_symbols)


def counts(text: str) -> dict[str, int]:
    return dict(zip((*CHARACTER_NAMES, *NEIGHBOUR_NAMES), count_symbols(to_symbols(text)).tolist(), strict=False))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ab c", {"upper": 1, "lower": 2, "spaces": 1, "digits": 0}),
        ("1002", {"digits": 4, "zeros": 2, "bits": 3}),
        ("NASA can", {"acronyms": 3, "capitalised": 0}),
        (" Now", {"capitalised": 1}),
        ("x1 2y", {"letter_by_digit": 2, "digits_spaced": 1}),
        ("End. Next\n\n", {"sentence_ends": 1, "blank_lines": 1}),
        ("3.14", {"decimals": 1, "periods": 1}),
        ("5*3 + 2", {"digit_by_operator": 2, "spaced_operators": 1, "times": 1, "plus": 1}),
        ("\n 1\n2\n- x\nA", {"indented_lines": 1, "lines_with_digit_first": 1, "lines_with_mark_first": 1,
         "lines_with_capital_first": 1}),
        ("1,2,3", {"digits_enumerated": 2, "commas": 2}),
        ("f(x); g[0]", {"calls": 2, "parentheses": 1, "brackets": 1, "code_marks": 1}),
        ("a   b", {"space_runs": 2}),
        ("\u4e2d\u3042\ud55c", {"east_asian": 3, "foreign": 0}),
        ("\u00b2\u2211", {"mathematical": 2}),
    ],
)  # fmt: skip
def test_known_counts(text: str, wanted: dict[str, int]) -> None:
    found = counts(text)
    assert {name: found[name] for name in wanted} == wanted


@given(SYMBOLS)
def test_character_counts_equal_a_plain_count(data: bytes) -> None:
    found = dict(zip(CHARACTER_NAMES, count_symbols(data).tolist(), strict=False))
    assert found["commas"] == data.count(b",")
    assert found["digits"] == sum(48 <= symbol < 58 for symbol in data)
    assert found["spaces"] == data.count(b" ") + data.count(b"\t")
    assert found["east_asian"] == sum(0x80 <= symbol <= 0x82 for symbol in data)


@given(SYMBOLS)
def test_pair_counts_equal_a_plain_count(data: bytes) -> None:
    found = dict(zip((*CHARACTER_NAMES, *NEIGHBOUR_NAMES), count_symbols(data).tolist(), strict=False))
    pairs = list(itertools.pairwise(data))
    assert found["blank_lines"] == pairs.count((10, 10))
    assert found["decimals"] == sum(first in b".!?" and second in b"0123456789" for first, second in pairs)
    assert found["space_runs"] == sum(first in b" \t" and second in b" \t" for first, second in pairs)


@given(SYMBOLS)
def test_repeats_equal_a_plain_count(data: bytes) -> None:
    assert count_repeats(data) == sum(first == second for first, second in itertools.pairwise(data))


def test_every_count_has_a_name_of_its_own() -> None:
    assert len(count_symbols(b"a")) == len(CHARACTER_NAMES) + len(NEIGHBOUR_NAMES) - 1
    assert NEIGHBOUR_NAMES[-1] == "repeated"
    assert len({*CHARACTER_NAMES, *NEIGHBOUR_NAMES}) == len(CHARACTER_NAMES) + len(NEIGHBOUR_NAMES)
