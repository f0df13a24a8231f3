"""Savings as tables, sentences and JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from tests.support.savings_cases import FOUR
from training.metrics.bootstrap import Interval
from training.savings.estimate import estimate_savings
from training.savings.terminal import format_money, format_points, savings_json, savings_tables, sentences


def test_all_of_it_is_shown() -> None:
    found = estimate_savings("s", FOUR, resamples=20)
    assert [table.title for table in savings_tables(found)] == ["What it would have cost"]
    assert "always reasoning" in " ".join(sentences(found))
    assert '"usd_per_success"' in savings_json(found)


def test_undefined_figures_are_dashes_and_null() -> None:
    nothing = replace(FOUR, success=np.zeros_like(FOUR.success), latency_ms=np.full_like(FOUR.latency_ms, np.nan))
    found = estimate_savings("s", nothing, resamples=20)
    cells = [list(column.cells) for column in next(iter(savings_tables(found))).columns]
    assert cells[2] == ["- [-, -]"] * 3, "no success has a finite price"
    assert cells[-1] == ["-"] * 3
    assert json.loads(savings_json(found))["whole"]["strategies"][0]["usd_per_success"]["value"] is None


def test_an_assumed_rate_and_an_unsupported_strategy_are_said() -> None:
    found = estimate_savings("s", replace(FOUR, assumed=True), resamples=20)
    part = replace(found.whole, missing={"always deep": "never logged"})
    said = list(sentences(replace(found, whole=part)))
    assert "(assumed: set --requests-per-day)" in said[0]
    assert "always deep: not supported by the log (never logged)" in said


def test_money_keeps_its_digits() -> None:
    assert format_money(Interval(0.01234, 0.0, 5.678)) == "0.0123 [0, 5.68]"
    assert format_points(Interval(-0.05, -0.1, 0.0)) == "-5.0 [-10.0, +0.0]"
