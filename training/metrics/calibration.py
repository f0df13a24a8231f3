"""Calibration metrics: calibration error, separation, coverage and rank correlation, each with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from serving.decision import BadInput
from training.metrics.bootstrap import Interval, Resampling, mean_interval, percentile_interval, proportion_interval
from training.types import Array, IntArray


@dataclass(frozen=True, slots=True)
class Bins:
    """Forecast against truth in bins of equal size, from the lowest forecast up.

    Parameters
    ----------
    predicted, realised, lower, upper
        (b,) mean forecast, mean truth and its 95 % interval.
    count
        int (b,).
    """

    predicted: Array
    realised: Array
    lower: Array
    upper: Array
    count: IntArray


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well the success forecast of one arm is calibrated.

    Parameters
    ----------
    ece
        Expected calibration error: mean gap of forecast and truth over the bins, weighted by their size.
    floor
        What a perfectly calibrated forecast would show on as many prompts, by chance alone.
    brier
        Mean squared error of the forecast.
    brier_of_mean
        The same for a forecast that always says the mean; below it there is information.
    """

    arm: str
    bins: Bins
    ece: Interval
    floor: float
    brier: Interval
    brier_of_mean: float


@dataclass(frozen=True, slots=True)
class ForecastQuality:
    """How well tokens or latency of one arm are foreseen.

    Parameters
    ----------
    quantity
        `output tokens` or `latency ms`.
    coverage
        Share of calls at or below their forecast p95; 0.95 is right.
    rank_correlation
        Spearman's rho of the forecast mean with the truth; None where either is constant.
    predicted, realised
        (m,) a sample for the plot.
    """

    arm: str
    quantity: str
    coverage: Interval
    rank_correlation: Interval | None
    predicted: Array
    realised: Array


@dataclass(frozen=True, slots=True)
class BucketRow:
    """The prompts of one bucket: what reasoning really gained there."""

    bucket: str
    count: int
    share: float
    baseline_success: float
    reference_success: float
    uplift: Interval
    extra_usd: float | None


def quantile_bins(predicted: Array, bins: int) -> IntArray:
    """Bin number 0.. of each forecast (n,); equal forecasts share a bin, so there may be fewer than asked for."""
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, bins + 1)[1:-1]))
    codes: IntArray = np.unique(np.searchsorted(edges, predicted, side="left"), return_inverse=True)[1]
    return codes


def binned(predicted: Array, realised: Array, bins: int = 15) -> Bins:
    """Forecast and truth (n,) by quantile of the forecast."""
    codes = quantile_bins(predicted, bins)
    parts = [mean_interval(realised[codes == b]) for b in range(int(codes.max()) + 1)]
    count = np.bincount(codes)
    return Bins(
        np.bincount(codes, predicted) / count,
        np.array([p.value for p in parts]),
        np.array([p.lower for p in parts]),
        np.array([p.upper for p in parts]),
        count.astype(np.int64),
    )


def calibration(
    arm: str, predicted: Array, realised: Array, *, resampling: Resampling | None = None, bins: int = 15
) -> Calibration:
    """Calibration of one arm's success forecast on held-out prompts.

    Parameters
    ----------
    predicted
        (n,) in [0, 1].
    realised
        (n,) success, NaN where this arm was not observed.
    resampling
        Draws for the intervals, over the n prompts; default 1000.
    """
    plan = resampling or Resampling(len(realised))
    seen = np.isfinite(realised)
    if seen.sum() < 2:
        raise BadInput(f"arm {arm!r} was observed on {int(seen.sum())} held-out prompts: calibration needs at least 2")
    p, y = predicted[seen], realised[seen]
    codes = quantile_bins(p, bins)
    member = np.zeros((len(y), int(codes.max()) + 1))
    member[np.arange(len(y)), codes] = 1.0
    squared = (p - y) ** 2

    def measures(weights: Array) -> Array:
        w = weights[:, seen]
        total = np.maximum(w.sum(axis=1), 1e-12)
        ece = np.abs((w * (p - y)) @ member).sum(axis=1) / total
        return np.column_stack([ece, w @ squared / total])

    ece, brier = measures(np.ones((1, len(realised))))[0]
    draws = plan.apply(measures)
    counts = member.sum(axis=0)
    centred = (y - p) - (member @ (((y - p) @ member) / counts))
    spread = np.sqrt((centred**2) @ member / np.maximum(counts - 1, 1))
    floor = float(np.sqrt(2 / np.pi) * (np.sqrt(counts) * spread).sum() / counts.sum())
    return Calibration(
        arm,
        binned(p, y, bins),
        percentile_interval(float(ece), draws[:, 0]),
        floor,
        percentile_interval(float(brier), draws[:, 1]),
        float(np.mean((y - y.mean()) ** 2)),
    )


def auroc(low: Array, high: Array, level: float = 0.95) -> Interval:
    """Probability that a value of `high` lies above one of `low` (ties half), with DeLong's (1988) interval.

    >>> print(auroc(np.array([0.1, 0.2, 0.3]), np.array([0.25, 0.5])))
    0.833 [0.371, 1.000]
    """
    n, m = len(low), len(high)
    if min(n, m) < 2:
        raise BadInput("separation needs at least 2 prompts on each side")
    ranks = rankdata(np.concatenate([low, high]))
    above = (ranks[n:] - rankdata(high)) / n
    below = 1 - (ranks[:n] - rankdata(low)) / m
    value = float(above.mean())
    half = float(ndtri((1 + level) / 2)) * float(np.sqrt(np.var(below, ddof=1) / n + np.var(above, ddof=1) / m))
    return Interval(value, max(0.0, value - half), min(1.0, value + half), level)


def rank_correlation(forecast: Array, truth: Array, level: float = 0.95) -> Interval | None:
    """Spearman's rho with the Fisher interval of Bonett and Wright (2000); None if a side is constant or n < 5."""
    n = len(truth)
    a, b = rankdata(forecast), rankdata(truth)
    if n < 5 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    rho = float(np.corrcoef(a, b)[0, 1])
    z = np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12))
    half = float(ndtri((1 + level) / 2)) * float(np.sqrt((1 + rho**2 / 2) / (n - 3)))
    return Interval(rho, float(np.tanh(z - half)), float(np.tanh(z + half)), level)


def forecast_quality(
    arm: str, quantity: str, mean: Array, p95: Array, realised: Array, *, sample: int = 400
) -> ForecastQuality:
    """Coverage and rank agreement of one arm's consumption forecast.

    Parameters
    ----------
    mean, p95
        (n,) forecasts, positive.
    realised
        (n,) truth, NaN where unknown.
    sample
        Points kept for the plot, evenly over the prompts.
    """
    known = np.isfinite(realised)
    n = int(known.sum())
    if not n:
        raise BadInput(f"no held-out call of arm {arm!r} knows its {quantity}: leave this forecast out")
    covered = int((realised[known] <= p95[known]).sum())
    rows = np.flatnonzero(known)[np.linspace(0, n - 1, min(sample, n)).astype(np.int64)]
    agreement = rank_correlation(mean[known], realised[known])
    return ForecastQuality(arm, quantity, proportion_interval(covered, n), agreement, mean[rows], realised[rows])


def bucket_table(
    buckets: Sequence[str], baseline: Array, reference: Array, extra_usd: Array | None
) -> tuple[BucketRow, ...]:
    """What reasoning gained in `use`, `maybe` and `avoid`, in this order; empty buckets are left out.

    Parameters
    ----------
    buckets
        n names.
    baseline, reference
        (n,) realised success of the baseline and of the reasoning arm.
    extra_usd
        (n,) realised extra cost of reasoning, or None.
    """
    names = np.asarray(buckets, dtype=object)
    rows = []
    for name in ("use", "maybe", "avoid"):
        of = names == name
        if of.any():
            uplift = mean_interval(reference[of] - baseline[of])
            extra = None if extra_usd is None else float(extra_usd[of].mean())
            figures = float(baseline[of].mean()), float(reference[of].mean())
            rows.append(BucketRow(name, int(of.sum()), float(of.mean()), *figures, uplift, extra))
    return tuple(rows)
