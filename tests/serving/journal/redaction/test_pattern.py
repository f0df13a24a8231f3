"""Patterns: the checks beside them tell words from secrets, and a place from two numbers."""

from __future__ import annotations

from serving.journal.redaction.pattern import (
    has_four_digits,
    is_place,
    needs_digit_and_letters,
    needs_variety,
)


def test_words_are_no_secrets() -> None:
    assert not needs_variety("required.")
    assert not needs_variety("Important!")
    assert needs_variety("Sommer2024!")
    assert needs_variety("hunterTwo")
    assert not needs_digit_and_letters("a" * 40)
    assert needs_digit_and_letters("aB3dE4fG5h" * 4)
    assert has_four_digits("C01X00T47")
    assert not has_four_digits("CHALLENGE")


def test_places_lie_on_earth() -> None:
    assert is_place("52.520008, 13.404954")
    assert is_place("52.5200 N, 13.4049 E")
    assert not is_place("95.0000, 13.4049")
