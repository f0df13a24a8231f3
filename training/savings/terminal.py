"""Renders savings as terminal tables, sentences and JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import orjson
from rich.table import Table

from training.metrics import Interval
from training.savings.published_case import PublishedCase
from training.savings.results import Savings, StrategyFigures, TrafficPart

_HOW = {
    "direct": "every arm of every request is known",
    "dr": "doubly robust from logged outcomes",
    "snips": "self-normalised weights of logged outcomes (SNIPS)",
}


def case_table(case: PublishedCase) -> Table:
    """Show a case: each segment before and after, and the totals beside the published ones."""
    table = Table(title=case.title, title_justify="left", caption=_verdict(case), caption_justify="left")
    for name in ("segment", "requests a day", "before", "after", "USD a day before", "USD a day after"):
        table.add_column(name, justify="left" if name in ("segment", "before", "after") else "right")
    for segment in case.segments:
        table.add_row(
            segment.name,
            f"{segment.requests_per_day:,}",
            segment.before,
            segment.after,
            f"{segment.before_usd:,.2f}",
            f"{segment.after_usd:,.2f}",
        )
    table.add_section()
    table.add_row("all, a day", "", "", "", f"{case.before_usd:,.2f}", f"{case.after_usd:,.2f}")
    table.add_row("saved a year", "", "", "", "", f"{case.saved_usd_per_year:,.2f}")
    return table


def savings_tables(savings: Savings) -> Iterator[Table]:
    """Show all traffic, then what the policy saves by task and by tenant."""
    yield _strategies(savings)
    for title, parts in (("by task", savings.by_task), ("by tenant", savings.by_tenant)):
        if parts:
            yield _parts(title, parts)


def sentences(savings: Savings) -> Iterator[str]:
    """Summarise what was replayed and what it would have saved."""
    rate = f"{savings.requests_per_day:,.0f} requests a day"
    rate += " (assumed: set --requests-per-day)" if savings.requests_per_day_assumed else ""
    yield f"{savings.requests:,} requests of a {savings.kind} under {savings.policy}: {_HOW[savings.estimator]}; {rate}"
    for other in savings.whole.against:
        yield (
            f"against {other.strategy}: saves {format_money(other.saved_usd_per_day)} USD a day,"
            f" {format_money(other.saved_usd_per_year)} USD a year;"
            f" success {format_points(other.quality_gained)} points"
        )
    for strategy, why in savings.whole.missing.items():
        yield f"{strategy}: not supported by the log ({why})"
    yield from savings.notes


def case_json(case: PublishedCase) -> str:
    """Render a case."""
    content = {**asdict(case), "worked_out": case.worked_out, "differences": case.differences}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()


def savings_json(savings: Savings) -> str:
    """Render all figures; what is undefined is null."""
    return orjson.dumps(asdict(savings), option=orjson.OPT_INDENT_2).decode()


def format_money(interval: Interval) -> str:
    """Write USD with its interval.

    >>> format_money(Interval(1234.5, 1200.0, 1300.0))
    '1,234 [1,200, 1,300]'
    """
    return f"{_usd(interval.value)} [{_usd(interval.lower)}, {_usd(interval.upper)}]"


def format_points(interval: Interval) -> str:
    """Write a difference of shares in points of a hundred.

    >>> format_points(Interval(0.012, -0.003, 0.02))
    '+1.2 [-0.3, +2.0]'
    """
    return f"{100 * interval.value:+.1f} [{100 * interval.lower:+.1f}, {100 * interval.upper:+.1f}]"


def _strategies(savings: Savings) -> Table:
    table = Table(title="What it would have cost", title_justify="left")
    table.add_column("strategy", no_wrap=True)
    for name in ("success", "USD per success", "USD a day", "USD a year", "p50", "p95"):
        table.add_column(name, justify="right")
    for row in savings.whole.strategies:
        table.add_row(*_cells(row))
    return table


def _cells(row: StrategyFigures) -> Iterator[str]:
    yield row.strategy
    yield f"{row.quality.value:.1%} [{row.quality.lower:.1%}, {row.quality.upper:.1%}]"
    yield format_money(row.usd_per_success)
    yield format_money(row.usd_per_day)
    yield format_money(row.usd_per_year)
    yield _seconds(row.p50_ms)
    yield _seconds(row.p95_ms)


def _parts(title: str, parts: Sequence[TrafficPart]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("part", "requests", "success", "USD per success", "USD a day", "p95", "saved a day, against"):
        table.add_column(name, justify="left" if name in ("part", "saved a day, against") else "right")
    for part in parts:
        if not part.strategies:
            table.add_row(part.name, f"{part.requests:,}", "-", "-", "-", "-", "not supported by the log")
            continue
        ours = part.strategies[0]
        saved = "\n".join(f"{format_money(other.saved_usd_per_day)}  {other.strategy}" for other in part.against)
        table.add_row(
            part.name,
            f"{part.requests:,}",
            f"{ours.quality.value:.1%}",
            format_money(ours.usd_per_success),
            format_money(ours.usd_per_day),
            _seconds(ours.p95_ms),
            saved,
        )
    return table


def _verdict(case: PublishedCase) -> str:
    if not case.differences:
        return f"all {len(case.published)} published totals come out to the cent" if case.published else ""
    gaps = ", ".join(f"{name} by {gap:+,.2f}" for name, gap in case.differences.items())
    return f"published totals that do not come out: {gaps}"


def _usd(amount: float) -> str:
    if not math.isfinite(amount):
        return "-"
    return f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:,.2f}" if abs(amount) >= 1 else f"{amount:.3g}"


def _seconds(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.value / 1000:.1f} s"
