"""Charts of the model: uplift, calibration, buckets, task types, support and consumption."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.evaluation import Evaluation
from training.report.chart_specs import Chart, Role, Series

QUANTITIES = {"latency ms": "latency, milliseconds"}
"""Axis labels of quantities, where the name alone is no label."""
TASKS_SHOWN = 30
"""More are not readable in one chart."""


def model_charts(evaluation: Evaluation) -> Iterator[Chart]:
    """Charts of the forecasts for which the evaluation has data."""
    yield _uplift(evaluation)
    if evaluation.calibration:
        yield _calibration(evaluation)
    if evaluation.buckets:
        yield _buckets(evaluation)
    if evaluation.tasks:
        yield _tasks(evaluation)
    if evaluation.unseen and evaluation.unseen.separation:
        yield _support(evaluation)
    for quantity in dict.fromkeys(f.quantity for f in evaluation.forecasts):
        yield _forecast(evaluation, quantity)


def _uplift(e: Evaluation) -> Chart:
    b = e.uplift_bins
    return Chart(
        "uplift",
        "Does predicted uplift come true?",
        "Prompts in ten groups of equal size by predicted uplift; whiskers are 95 % intervals of "
        + ("what really happened." if e.oracle else "the doubly robust estimate from the log."),
        "predicted uplift",
        "realised uplift",
        (Series("requests by predicted uplift", "points", b.predicted, b.realised, b.lower, b.upper, "ours"),),
        percent_x=True,
        percent_y=True,
        diagonal=True,
    )


def _calibration(e: Evaluation) -> Chart:
    series = tuple(
        Series(c.arm, "points", c.bins.predicted, c.bins.realised, c.bins.lower, c.bins.upper, role)
        for c, role in zip(e.calibration, _roles(len(e.calibration)), strict=True)
    )
    return Chart(
        "calibration",
        "Calibration of success, per arm",
        "Fifteen groups of equal size by forecast. On the dashed line, 70 % means 70 %.",
        "predicted success",
        "realised success",
        series,
        percent_x=True,
        percent_y=True,
        diagonal=True,
    )


def _buckets(e: Evaluation) -> Chart:
    place = np.arange(len(e.buckets), dtype=np.float64)
    low, high = (np.array([getattr(b.uplift, end) for b in e.buckets]) for end in ("lower", "upper"))
    direct = np.array([b.baseline_success for b in e.buckets])
    reference = np.array([b.reference_success for b in e.buckets])
    return Chart(
        "buckets",
        "What reasoning gains in each bucket",
        f"{'Realised' if e.oracle else 'Estimated'} success of both arms on the prompts of each bucket, whatever arm "
        "the policy would choose; whiskers are the 95 % interval of the uplift. 'use': reasoning pays for sure; "
        "'avoid': it surely does not; 'maybe': the interval of the net benefit holds zero.",
        "",
        "success",
        (
            Series(e.arms[0], "bars", place, direct),
            Series(
                e.reference,
                "bars",
                place,
                reference,
                direct + low,
                direct + high,
                "ours",
            ),
        ),
        categories=tuple(f"{b.bucket} ({b.share:.0%})" for b in e.buckets),
        percent_y=True,
    )


def _tasks(e: Evaluation) -> Chart:
    rows = sorted(e.tasks[:TASKS_SHOWN], key=lambda t: t.uplift.value)
    place = np.arange(len(rows), dtype=np.float64)
    real, low, high = (np.array([getattr(t.uplift, end) for t in rows]) for end in ("value", "lower", "upper"))
    shown = f"The {len(rows)} largest of {len(e.tasks)} task types. " if len(rows) < len(e.tasks) else ""
    return Chart(
        "tasks",
        "Uplift by task type, realised and predicted",
        shown + "Bars are what happened, with 95 % intervals; dots are what was predicted on held-out prompts.",
        "",
        "uplift",
        (
            Series("realised", "bars", place, real, low, high),
            Series("predicted", "points", place, np.array([t.predicted_uplift for t in rows]), role="ours"),
        ),
        categories=tuple(t.task for t in rows),
        sideways=True,
        percent_y=True,
    )


def _support(e: Evaluation) -> Chart:
    assert e.unseen is not None
    s = e.unseen.separation
    assert s is not None
    centre = (s.edges[1:] + s.edges[:-1]) / 2
    return Chart(
        "support",
        "Support: seen against unseen task types",
        f"Low support means 'outside what was learnt'. AUROC {s.auroc}: the chance that a prompt of a known task type "
        "has more support than one of an unknown type.",
        "support",
        "share of prompts",
        (
            Series("task type left out of training", "line", centre, s.unseen),
            Series("task type seen in training", "line", centre, s.seen, role="ours"),
        ),
        percent_y=True,
    )


def _forecast(e: Evaluation, quantity: str) -> Chart:
    chosen = [f for f in e.forecasts if f.quantity == quantity]
    name = QUANTITIES.get(quantity, quantity)
    return Chart(
        quantity.replace(" ", "_"),
        f"Forecast of {name.partition(',')[0]} against the truth",
        "One dot a held-out call (a sample). On the dashed line the forecast is right.",
        f"forecast {name}",
        f"realised {name}",
        tuple(
            Series(f.arm, "points", np.maximum(f.predicted, 0.5), np.maximum(f.realised, 0.5), role=role)
            for f, role in zip(chosen, _roles(len(chosen)), strict=True)
        ),
        log_x=True,
        log_y=True,
        diagonal=True,
    )


def _roles(n: int) -> tuple[Role, ...]:
    """The last arm stands out."""
    baselines: list[Role] = ["baseline"] * (n - 1)
    return (*baselines, "ours")
