"""Tests whether live outcomes of a promoted bundle have regressed from what the gate estimated.

Pure. The live mean of the requests that were not drawn by chance, weighted by their inverse propensity, estimates the
value of the bundle's own choices. It is tested repeatedly while outcomes arrive, so the k-th look may spend
6 / (pi k)^2 of `alpha` (which sums to alpha over all looks), shared by success, cost and latency.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from serving.journal import JournalEntry, treatment_of
from training.metrics import Interval
from training.promotion.gate_log import GateExpectation
from training.types import Array

MIN_OUTCOMES = 100
"""Fewer outcomes are too few to test."""
_OWN = 0.5
"""Choices with a higher propensity were not exploration draws."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveOutcomes:
    """Reported outcomes of one bundle, float64 (n,) each; what was not reported is NaN.

    Parameters
    ----------
    weight
        Inverse propensity.
    """

    success: Array
    cost_usd: Array
    latency_ms: Array
    weight: Array


@dataclass(frozen=True, slots=True)
class Regression:
    """A figure outside of what the gate estimated.

    Parameters
    ----------
    figure
        `success`, `cost` or `latency`.
    """

    figure: str
    reason: str


def live_outcomes(entries: Iterable[JournalEntry], bundle_id: str) -> LiveOutcomes:
    """Select the outcomes of a bundle's own choices from a journal.

    Exploration draws, fallbacks and choices that were not applied are left out: none of them is what the gate judged.
    """
    rows: list[tuple[float, ...]] = []
    for entry in entries:
        decision, outcome = entry.decision, entry.outcome
        if decision.bundle_id != bundle_id or decision.replay is None or outcome is None:
            continue
        if decision.propensity <= _OWN or (outcome.arm or decision.arm) != decision.arm:
            continue
        if treatment_of(entry).arm != decision.arm:
            continue
        reported = (outcome.success, outcome.cost_usd, outcome.latency_ms)
        rows.append((*(float("nan") if each is None else each for each in reported), 1 / decision.propensity))
    table = np.array(rows, np.float64).reshape(-1, 4)
    return LiveOutcomes(*(table[:, place] for place in range(4)))


def check_live(
    expected: GateExpectation, live: LiveOutcomes, looks: int, alpha: float = 0.01, slack: float = 0.05
) -> Regression | None:
    """Test the live outcomes once.

    Parameters
    ----------
    looks
        Number of this test, from 1.
    alpha
        Probability that a bundle at the worse end of the gate's interval is ever rolled back.
    slack
        Share by which a figure may be worse without being a regression: traffic varies from week to week.
    """
    level = 1 - 2 * alpha * 6 / (np.pi * looks) ** 2 / 3  # one-sided: both tails of the interval are paid for
    for figure, seen, bounds, worse in (
        ("success", live.success, expected.success, -1),
        ("cost", live.cost_usd, expected.cost_usd, 1),
        ("latency", live.latency_ms, expected.latency_ms, 1),
    ):
        known = np.isfinite(seen)
        if known.sum() < MIN_OUTCOMES:
            continue
        now = _weighted(seen[known], live.weight[known], level)
        bound = bounds[1] * (1 - slack) if worse < 0 else bounds[2] * (1 + slack)
        if (now.upper < bound) if worse < 0 else (now.lower > bound):
            return Regression(
                figure, f"live {figure} is {_short(now)}, the gate estimated {bounds[1]:.4g} to {bounds[2]:.4g}"
            )
    return None


def _weighted(seen: Array, weight: Array, level: float) -> Interval:
    """Weighted mean, with the normal interval of its influence values."""
    mean = float((weight * seen).sum() / weight.sum())
    parts = weight * (seen - mean) / weight.mean()
    half = float(ndtri((1 + level) / 2) * parts.std(ddof=1) / np.sqrt(len(seen)))
    return Interval(mean, mean - half, mean + half, level)


def _short(interval: Interval) -> str:
    return f"{interval.value:.4g} [{interval.lower:.4g}, {interval.upper:.4g}]"
