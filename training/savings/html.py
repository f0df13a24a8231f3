"""Writes savings as charts: PNG files and one self-contained HTML page, in the style of the training report."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

import numpy as np
from plotly.offline import get_plotlyjs

from training.atomic_files import write_atomically
from training.metrics import Interval
from training.report import TEMPLATE, Chart, Series, figure, write_png
from training.savings.results import Savings, StrategyFigures
from training.savings.terminal import format_money, format_points, sentences


def savings_charts(savings: Savings) -> Iterator[Chart]:
    """All charts for which there is data, in reading order."""
    rows = savings.whole.strategies
    yield _bars(
        "savings_usd_per_day",
        "What a day costs",
        "USD a day for the same traffic; whiskers are 95 % intervals.",
        "USD a day",
        rows,
        [row.usd_per_day for row in rows],
    )
    yield Chart(
        "savings_quality",
        "Success against what a day costs",
        "Further up and to the left is better.",
        "USD a day",
        "success",
        tuple(_point(row) for row in rows),
        percent_y=True,
        usd_x=True,
    )
    latencies = [row.p95_ms for row in rows]
    if all(latency is not None for latency in latencies):
        seconds = [Interval(w.value / 1000, w.lower / 1000, w.upper / 1000) for w in latencies if w is not None]
        yield _bars(
            "savings_latency", "Latency of slow requests", "p95 of latency; whiskers are 95 % intervals.",
            "seconds", rows, seconds,
        )  # fmt: skip
    known = [part for part in savings.by_task if part.against]
    if known:
        saved = [part.against[-1].saved_usd_per_day for part in known]
        yield Chart(
            "savings_by_task",
            f"What each task saves against {known[0].against[-1].strategy}",
            "USD a day by task; below 0 the policy spends more there, for more success.",
            "task",
            "USD a day saved",
            (_series("thinkgate", saved, "ours"),),
            categories=tuple(part.name for part in known),
            sideways=True,
        )


def write_page(savings: Savings, folder: Path) -> Path:
    """Write PNGs and `savings.html` into a folder; return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    charts = tuple(savings_charts(savings))
    for chart in charts:
        write_png(chart, folder / f"{chart.key}.png")
    page = folder / "savings.html"
    write_atomically(page, _page(savings, charts))
    return page


def _page(savings: Savings, charts: Sequence[Chart]) -> str:
    rate = f"{savings.requests_per_day:,.0f} requests a day{', assumed' if savings.requests_per_day_assumed else ''}"
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title="What it would have saved",
        source=html.escape(f"{savings.source}: {savings.requests:,} requests of a {savings.kind}; {rate}."),
        banner="",
        cards="".join(_cards(savings)),
        findings="".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences(savings)),
        sections="".join(map(_section, charts)),
        caveats="<li>A replay estimates the policy on this past traffic, not on future traffic.</li>",
        plotly=get_plotlyjs(),
    )


def _cards(savings: Savings) -> Iterator[str]:
    for other in savings.whole.against:
        for label, text in (
            (f"USD a year saved, {other.strategy}", format_money(other.saved_usd_per_year)),
            (f"success, points, {other.strategy}", format_points(other.quality_gained)),
        ):
            value, _, interval = text.partition(" [")
            yield (
                f'<div class="card"><span>{html.escape(label)}</span><b>{html.escape(value)}</b>'
                f"<small>[{html.escape(interval)}</small></div>"
            )


def _section(chart: Chart) -> str:
    plot = figure(chart).to_html(
        full_html=False, include_plotlyjs=False, div_id=chart.key, config={"displayModeBar": False, "responsive": True}
    )
    return f"<section><h2>{html.escape(chart.title)}</h2><p>{html.escape(chart.note)}</p>{plot}</section>"


def _bars(
    key: str, title: str, note: str, label: str, rows: Sequence[StrategyFigures], values: Sequence[Interval]
) -> Chart:
    names = tuple(row.strategy for row in rows)
    series = tuple(
        _series(name, [value], "ours" if place == 0 else "baseline", place)
        for place, (name, value) in enumerate(zip(names, values, strict=True))
    )
    return Chart(key, title, note, "strategy", label, series, categories=names, sideways=True)


def _series(name: str, values: Sequence[Interval], role: str, start: int = 0) -> Series:
    return Series(
        name,
        "bars",
        np.arange(start, start + len(values), dtype=np.float64),
        np.array([value.value for value in values]),
        np.array([value.lower for value in values]),
        np.array([value.upper for value in values]),
        "ours" if role == "ours" else "baseline",
    )


def _point(row: StrategyFigures) -> Series:
    return Series(
        row.strategy,
        "points",
        np.array([row.usd_per_day.value]),
        np.array([row.quality.value]),
        np.array([row.quality.lower]),
        np.array([row.quality.upper]),
        "ours" if row.strategy == "thinkgate" else "baseline",
    )
