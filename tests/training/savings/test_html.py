"""The savings page: charts for which there are data, one file without a network, names escaped."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.support.savings_cases import FOUR, evidence
from training.savings.estimate import estimate_savings
from training.savings.html import savings_charts, write_page

FOUND = estimate_savings("a <b>file</b>", FOUR, resamples=20)


def test_charts_show_every_strategy() -> None:
    charts = {chart.key: chart for chart in savings_charts(FOUND)}
    assert list(charts) == ["savings_usd_per_day", "savings_quality", "savings_latency"]
    names = ("thinkgate", "always direct", "always reasoning")
    assert charts["savings_usd_per_day"].categories == names
    assert tuple(series.name for series in charts["savings_quality"].series) == names
    days = [series.y[0] for series in charts["savings_usd_per_day"].series]
    assert days == [row.usd_per_day.value for row in FOUND.whole.strategies]


def test_without_latencies_there_is_no_latency_chart() -> None:
    silent = replace(FOUR, latency_ms=np.full_like(FOUR.latency_ms, np.nan))
    keys = [chart.key for chart in savings_charts(estimate_savings("s", silent, resamples=20))]
    assert keys == ["savings_usd_per_day", "savings_quality"]


def test_tasks_have_a_chart_of_their_own_where_they_are_known() -> None:
    many = evidence(
        np.tile(FOUR.success, (20, 1)), np.tile(FOUR.cost_usd, (20, 1)), np.tile(FOUR.latency_ms, (20, 1)),
        np.tile(FOUR.chosen, 20), tasks=np.array(["maths", "poems"] * 40, object),
    )  # fmt: skip
    charts = {chart.key: chart for chart in savings_charts(estimate_savings("s", many, resamples=20))}
    assert set(charts["savings_by_task"].categories) == {"maths", "poems"}


def test_the_page_is_self_contained_and_names_are_escaped(tmp_path: Path) -> None:
    page = write_page(FOUND, tmp_path / "new")
    text = page.read_text("utf-8")
    assert "a &lt;b&gt;file&lt;/b&gt;" in text
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="http', text)
    assert "USD a year saved, always reasoning" in text
    assert {file.name for file in page.parent.iterdir()} == {
        "savings.html", "savings_usd_per_day.png", "savings_quality.png", "savings_latency.png",
    }  # fmt: skip
