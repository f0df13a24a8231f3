"""Symbols: one byte a character, whatever the script; typography reads as ASCII."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.features.characters import BOXES, FOREIGN, HAN, MATHS, PICTURES, to_symbols


@given(st.text(st.characters(), max_size=50))
def test_one_symbol_a_character(text: str) -> None:
    assert len(to_symbols(text)) == len(text)


@given(st.text(st.characters(max_codepoint=0x7F)))
def test_ascii_is_itself(text: str) -> None:
    assert to_symbols(text) == text.encode("ascii")
    assert to_symbols(text + "\u7b54")[:-1] == text.encode("ascii")  # also on the path for other scripts


@pytest.mark.parametrize(
    ("typographic", "plain"),
    [
        ("\u201cit\u2019s\u201d \u2013 ok\u2026", '"it\'s" - ok.'),
        ("3\u00d74\u00f72 \u2264 9 \u2260 8", "3*4/2 < 9 = 8"),
        ("\u00bfqu\u00e9?", "?qu\u00e9?"),
        ("a\u00a0b\u3000c\u2028d", "a b c\nd"),
        ("\uff28\uff49\uff1a\uff11\uff1f", "Hi:1?"),
        ("\u4e2d\u3002\u3001", "\u6587.,"),
    ],
)
def test_typography_reads_as_its_ascii_equivalent(typographic: str, plain: str) -> None:
    assert to_symbols(typographic) == to_symbols(plain)


@pytest.mark.parametrize(
    ("character", "symbols"),
    [
        ("\u4e2d", [HAN]),
        ("\u3042", [HAN + 1]),
        ("\ud55c", [HAN + 2]),
        ("\u0416", FOREIGN),
        ("\u05d0", FOREIGN),
        ("\u03a9", FOREIGN),
        ("\u0e44", FOREIGN),
        ("\u0159", FOREIGN),
        ("\u2211", [MATHS]),
        ("\u2192", [MATHS]),
        ("\u2510", [BOXES]),
        ("\u2603", PICTURES),
        ("\U0001f600", PICTURES),
        ("\ud800", PICTURES),
    ],
)
def test_a_script_has_its_symbol(character: str, symbols: object) -> None:
    assert to_symbols(character)[0] in symbols  # type: ignore[operator]  # list or range
    assert to_symbols("a" + character) == b"a" + to_symbols(character)


def test_latin_1_letters_stay_apart() -> None:
    assert to_symbols("\u00e9\u00df\u00d1") == b"\xe9\xdf\xd1"
