"""Savings as tables, sentences and JSON."""

from __future__ import annotations

from tests.support.savings_cases import FOUR
from training.savings.estimate import estimate_savings
from training.savings.terminal import savings_json, savings_tables, sentences


def test_all_of_it_is_shown() -> None:
    found = estimate_savings("s", FOUR, resamples=20)
    assert [table.title for table in savings_tables(found)] == ["What it would have cost"]
    assert "always reasoning" in " ".join(sentences(found))
    assert '"usd_per_success"' in savings_json(found)
