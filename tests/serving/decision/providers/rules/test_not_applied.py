"""Codes of what was not applied: few, short, each with its meaning."""

from __future__ import annotations

import re

from serving.decision.providers import NOT_APPLIED


def test_codes_are_short_words_with_a_sentence_each() -> None:
    assert len(NOT_APPLIED) < 40, "a metric has one series for each"
    for code, meaning in NOT_APPLIED.items():
        assert re.fullmatch(r"[a-z_]+(?::[a-z_]+)?", code)
        assert " " in meaning
    assert len(set(NOT_APPLIED.values())) == len(NOT_APPLIED)
