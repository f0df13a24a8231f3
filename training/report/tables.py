"""Renders the tables of the report as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from training.evaluation import Evaluation
from training.metrics import Interval
from training.report.summary import percent, points_with_interval, usd_with_interval


@dataclass(frozen=True, slots=True)
class Table:
    """A rendered table.

    Parameters
    ----------
    place
        Key of the chart it stands under, or a heading of its own.
    """

    place: str
    html: str


def tables(e: Evaluation) -> tuple[Table, ...]:
    """All tables for which the evaluation has data."""
    made = [
        Table("cost_quality", _rules(e)),
        Table("standing", _comparison(e) + _equal(e)),
        Table("buckets", _buckets(e)),
        Table("tasks", _worst(e) + _all_tasks(e)),
        Table("support", _unseen(e)),
        Table("calibration", _calibration(e)),
        *(Table(q.replace(" ", "_"), _forecasts(e, q)) for q in dict.fromkeys(f.quantity for f in e.forecasts)),
        Table("off_policy", _policies(e)),
    ]
    return tuple(table for table in made if table.html)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str, *, strong: int | None = None) -> str:
    """First column is text, the others are figures; row number `strong` stands out. Nothing without rows."""
    body = "".join(
        f"<tr{' class=ours' if i == strong else ''}>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
        + "</tr>"
        for i, row in enumerate(rows)
    )
    if not body:
        return ""
    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    return (
        f'<div class="scroll"><table><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _or_none(interval: Interval | None) -> str:
    return "" if interval is None else str(interval)


def _rules(e: Evaluation) -> str:
    head = ["rule", "reasoning calls", "success", "above random at that rate"]
    head += ["cost of 1,000 requests", "of 1,000 successes"] if e.priced else []
    rows = []
    for r in e.rules:
        cells = [r.name, f"{r.calls:.1%}", percent(r.success), points_with_interval(r.over_random)]
        cells += [usd_with_interval(c, 1000) for c in (r.cost_usd, r.cost_per_success_usd) if c is not None]
        rows.append(cells)
    return _table(head, rows, "Fixed rules")


def _comparison(e: Evaluation) -> str:
    measure, rows = _measure(e), []
    for r in e.routers:
        areas = ["" if x is None else f"{x:.3f}" for x in (r.uplift_area.auuc, r.uplift_area.qini)]
        rows.append([r.name, str(r.oracle_share or r.area), _or_none(r.ahead), *areas])
    note = "Routers on the same prompts and folds. Differences are paired: an interval above 0 means ours is better."
    return _table(["router", measure, "ours ahead by", "AUUC", "Qini"], rows, note, strong=0)


def _measure(e: Evaluation) -> str:
    """Name the figure by which routers are compared; pseudo-outcomes have no oracle."""
    return "share of the oracle's area" if e.ours.oracle_share else "area over random"


def _equal(e: Evaluation) -> str:
    near = e.ours.near_quality.tolerance
    head = ["router", f"calls within {100 * near:g} point", "at equal success", "gap"]
    head += ["1,000 successes cost", "ours is cheaper by"] if e.priced else []
    rows = []
    for r in e.routers:
        equal = r.equal_quality
        cells = [
            r.name,
            percent(r.near_quality.calls),
            percent(equal.calls),
            points_with_interval(equal.gap).replace(" points", ""),
        ]
        if e.priced:
            cells += [
                "" if c is None else usd_with_interval(c, 1000) for c in (equal.cost_per_success_usd, r.cheaper_usd)
            ]
        rows.append(cells)
    note = (
        "Reasoning calls that remain at the success of always reasoning, or one point below; the cut is chosen on one "
        "half of the prompts and read off the other, and 'gap' is the success in points that this costs"
    )
    return _table(head, rows, note, strong=0)


def _buckets(e: Evaluation) -> str:
    head = ["bucket", "prompts", "share", e.arms[0], e.reference, "uplift"] + (
        ["extra cost of 1,000"] if e.priced else []
    )
    rows = (
        [b.bucket, f"{b.count:,}", f"{b.share:.1%}", f"{b.baseline_success:.1%}", f"{b.reference_success:.1%}"]
        + [points_with_interval(b.uplift)]
        + ([] if b.extra_usd is None else [f"${1000 * b.extra_usd:,.2f}"])
        for b in e.buckets
    )
    return _table(head, rows, "Buckets")


def _task_rows(e: Evaluation, *, worst: bool) -> Iterator[list[str]]:
    for t in e.worst_tasks if worst else e.tasks:
        success = [f"{x:.1%}" for x in (t.baseline_success, t.reference_success)]
        rest = [f"{x:.1%}" for x in (t.predicted_uplift, t.calls, t.routed_success, t.lost)]
        yield [t.task, f"{t.count:,}", *success, points_with_interval(t.uplift), *rest]


def _worst(e: Evaluation) -> str:
    note = (
        "Where routing loses most: 'lost' is the better arm's success minus the routed one; part of it buys cheapness"
    )
    return _table(_task_head(e), _task_rows(e, worst=True), note)


def _task_head(e: Evaluation) -> tuple[str, ...]:
    arms = f"success {e.arms[0]}", f"success {e.reference}"
    return ("task", "prompts", *arms, "uplift", "predicted uplift", "reasoning calls", "success routed", "lost")


def _all_tasks(e: Evaluation) -> str:
    table = _table(_task_head(e), _task_rows(e, worst=False), "All task types")
    return f"<details><summary>All {len(e.tasks)} task types</summary>{table}</details>" if table else ""


def _unseen(e: Evaluation) -> str:
    if e.unseen is None:
        return ""
    seen = {r.name: str(r.oracle_share or r.area) for r in e.routers}
    rows = ([r.name, seen.get(r.name, ""), str(r.oracle_share or r.area)] for r in e.unseen.routers)
    whole = "whole task types" if e.unseen.drawn == "tasks" else "prompts"
    note = f"{_measure(e).capitalize()}, 0 is random; intervals for unseen task types resample {whole}"
    return _table(["router", "seen task types", "unseen task types"], rows, note, strong=0)


def _forecasts(e: Evaluation, quantity: str) -> str:
    rows = (
        [f.arm, percent(f.coverage), "constant" if f.rank_correlation is None else str(f.rank_correlation)]
        for f in e.forecasts
        if f.quantity == quantity
    )
    return _table(
        ["arm", "calls below the p95 (95 % is right)", "rank correlation"],
        rows,
        f"Forecast of {quantity.removesuffix(' ms')}",
    )


def _calibration(e: Evaluation) -> str:
    rows = ([c.arm, percent(c.ece), f"{c.floor:.1%}", str(c.brier), f"{c.brier_of_mean:.3f}"] for c in e.calibration)
    head = ["arm", "calibration error", "by chance alone", "Brier score", "Brier of the mean"]
    return _table(head, rows, "Calibration on held-out prompts, 15 groups of equal size")


def _policies(e: Evaluation) -> str:
    rows = []
    for p in e.policies:
        values = [_or_none(interval) for interval in (p.dr, p.snips, p.ips, p.logged)]
        size = f"{p.overlap.effective_size:,.0f} of {p.overlap.requests:,}"
        rows.append([p.policy, *values, size, str(p.overlap.mean_weight), f"{p.overlap.clipped:.1%}"])
    head = ["policy", "DR", "SNIPS", "IPS", "as logged", "effective size", "mean weight (1 is right)", "clipped"]
    return _table(head, rows, "What each policy would have earned on the log; decide by DR or SNIPS")
