"""Estimates cost, quality and latency of the policy and of each constant arm, with bootstrap intervals.

Every figure is a ratio of two sums over requests, so that one bootstrap over requests gives the intervals of all of
them, and differences between strategies are paired. A paired request adds what its arm gave. A logged one adds the
doubly robust value (forecast + weighted residual) or, self-normalised, its weighted outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.metrics import Interval, LoggedTraffic, Resampling, UnsupportedPolicy, percentile_interval, policy_value
from training.savings.evidence import MINIMUM, Evidence
from training.savings.results import Estimator, Savings, StrategyComparison, StrategyFigures, TrafficPart
from training.types import Array

DAYS_PER_YEAR = 365
LARGEST_WEIGHT = 50.0


@dataclass(frozen=True, slots=True)
class _Sums:
    """Contribution of each request: quality = sum(success) / sum(count), and so on; latencies with their weights."""

    name: str
    shares: Mapping[str, float]
    success: Array
    cost: Array
    count: Array
    latency: Array
    latency_weight: Array


def estimate_savings(
    source: str,
    evidence: Evidence,
    *,
    snips: bool = False,
    resamples: int = 500,
    seed: int = 0,
) -> Savings:
    """Compare the policy with each arm served always, on all traffic, per task and per tenant.

    Parameters
    ----------
    snips
        Logged requests by SNIPS instead of DR.

    Raises
    ------
    UnsupportedPolicy
        The log has no calls that the policy would make.
    """
    estimator: Estimator = "direct" if evidence.paired.all() else "snips" if snips else "dr"
    whole = _part("all", evidence, estimator, resamples, seed, required=True)
    return Savings(
        source=source,
        kind=evidence.kind,
        policy=evidence.policy,
        estimator=estimator,
        requests=len(evidence),
        requests_per_day=evidence.per_day,
        requests_per_day_assumed=evidence.assumed,
        whole=whole,
        by_task=tuple(_groups(evidence, evidence.tasks, estimator, resamples, seed)),
        by_tenant=tuple(_groups(evidence, evidence.tenants, estimator, resamples, seed)),
        notes=evidence.notes,
    )


def _groups(
    evidence: Evidence, labels: NDArray[np.object_], estimator: Estimator, resamples: int, seed: int
) -> Iterator[TrafficPart]:
    """Largest first; groups with too few requests are merged."""
    named = np.array(["(none)" if label is None else str(label) for label in labels], object)
    names, counts = np.unique(named.astype(str), return_counts=True)
    if len(names) < 2:
        return
    small = {str(name) for name, count in zip(names, counts, strict=True) if count < MINIMUM}
    large = [str(names[place]) for place in np.argsort(-counts, kind="stable") if str(names[place]) not in small]
    for name in large:
        yield _part(name, evidence.subset(named == name), estimator, resamples, seed)
    rest = np.isin(named.astype(str), sorted(small))
    if large and rest.sum() >= MINIMUM:
        yield _part(f"({len(small)} smaller ones)", evidence.subset(rest), estimator, resamples, seed)


def _part(
    name: str, evidence: Evidence, estimator: Estimator, resamples: int, seed: int, required: bool = False
) -> TrafficPart:
    plan = Resampling(len(evidence), resamples, seed)
    found: list[_Sums] = []
    missing: dict[str, str] = {}
    for strategy, target in _strategies(evidence):
        try:
            found.append(_sums(strategy, evidence, target, estimator))
        except UnsupportedPolicy as reason:
            if required and not found:
                raise
            missing[strategy] = str(reason)
    if missing and not found:
        return TrafficPart(name, len(evidence), (), (), missing)
    draws = [_draws(sums, plan) for sums in found]
    scale = evidence.per_day
    figures = tuple(_figures(sums, drawn, scale) for sums, drawn in zip(found, draws, strict=True))
    ours = found[0].name == "thinkgate"
    against = (
        [_against(found[0], draws[0], sums, drawn, scale) for sums, drawn in zip(found[1:], draws[1:], strict=True)]
        if ours
        else []
    )
    return TrafficPart(name, len(evidence), figures, tuple(against), missing)


def _strategies(evidence: Evidence) -> Iterator[tuple[str, NDArray[np.int64]]]:
    yield "thinkgate", evidence.chosen
    for place, arm in enumerate(evidence.arms):
        yield f"always {arm}", np.full(len(evidence), place, np.int64)


def _sums(name: str, evidence: Evidence, target: NDArray[np.int64], estimator: Estimator) -> _Sums:
    rows = np.arange(len(evidence))
    shares = {arm: float((target == place).mean()) for place, arm in enumerate(evidence.arms)}
    cost = np.where(np.isfinite(evidence.cost_usd), evidence.cost_usd, evidence.forecast_cost_usd)
    if estimator == "direct":
        ones = np.ones(len(rows))
        latency = evidence.latency_ms[rows, target]
        return _Sums(name, shares, evidence.success[rows, target], cost[rows, target], ones, latency, ones)
    arm = np.where(np.isfinite(evidence.success), evidence.propensity, np.inf).argmin(axis=1)
    paired = evidence.paired
    # A paired request knows the target's own arm: it counts as a log that chose it for sure.
    arm = np.where(paired, target, arm)
    propensity = np.where(paired, 1.0, evidence.propensity[rows, arm])
    weight = np.minimum((arm == target) / propensity, LARGEST_WEIGHT)
    _require_overlap(name, evidence, arm, propensity, target)
    y, paid = evidence.success[rows, arm], cost[rows, arm]
    latency = evidence.latency_ms[rows, arm]
    if estimator == "snips":
        return _Sums(name, shares, weight * y, weight * paid, weight, latency, weight)
    success = evidence.forecast_success[rows, target] + weight * (y - evidence.forecast_success[rows, arm])
    spent = evidence.forecast_cost_usd[rows, target] + weight * (paid - evidence.forecast_cost_usd[rows, arm])
    return _Sums(name, shares, success, spent, np.ones(len(rows)), latency, weight)


def _require_overlap(
    name: str, evidence: Evidence, arm: NDArray[np.int64], propensity: Array, target: NDArray[np.int64]
) -> None:
    chances: Array = np.zeros((len(arm), len(evidence.arms)))
    chances[np.arange(len(arm)), target] = 1.0
    log = LoggedTraffic(arm, np.nan_to_num(evidence.success[np.arange(len(arm)), arm]), propensity, len(evidence.arms))
    policy_value(name, log, chances, max_weight=LARGEST_WEIGHT)


@dataclass(frozen=True, slots=True)
class _Draws:
    """(B,) draws of each figure."""

    quality: Array
    cost: Array
    p50: Array
    p95: Array


def _draws(sums: _Sums, plan: Resampling) -> _Draws:
    order, levels = _latency_order(sums), (0.5, 0.95)

    def statistic(weights: Array) -> Array:
        count = weights @ sums.count
        with np.errstate(invalid="ignore", divide="ignore"):
            columns = [weights @ sums.success / count, weights @ sums.cost / count]
        return np.column_stack([*columns, *_quantiles(sums, order, weights, levels)])

    drawn = plan.apply(statistic)
    return _Draws(drawn[:, 0], drawn[:, 1], drawn[:, 2], drawn[:, 3])


def _latency_order(sums: _Sums) -> NDArray[np.int64]:
    known = np.flatnonzero(np.isfinite(sums.latency) & (sums.latency_weight > 0))
    ordered: NDArray[np.int64] = known[np.argsort(sums.latency[known], kind="stable")]
    return ordered


def _quantiles(sums: _Sums, order: NDArray[np.int64], weights: Array, levels: Sequence[float]) -> list[Array]:
    """Weighted quantiles of latency per draw; NaN where no latency is known."""
    if not len(order):
        return [np.full(len(weights), np.nan) for _ in levels]
    passed = np.cumsum(weights[:, order] * sums.latency_weight[order], axis=1)
    values = sums.latency[order]
    found = []
    for level in levels:
        place = (passed < level * passed[:, -1:]).sum(axis=1)
        found.append(values[np.minimum(place, len(values) - 1)])
    return found


def _point(sums: _Sums) -> tuple[float, float]:
    total = float(sums.count.sum())
    return float(sums.success.sum()) / total, float(sums.cost.sum()) / total


def _figures(sums: _Sums, drawn: _Draws, per_day: float) -> StrategyFigures:
    quality, cost = _point(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        per_success = np.where(drawn.quality > 0, drawn.cost / drawn.quality, np.nan)
    each = percentile_interval(cost, drawn.cost)
    order = _latency_order(sums)
    points = _quantiles(sums, order, np.ones((1, len(sums.count))), (0.5, 0.95))
    p50, p95 = (
        percentile_interval(float(point[0]), draws) if len(order) else None
        for point, draws in zip(points, (drawn.p50, drawn.p95), strict=True)
    )
    return StrategyFigures(
        strategy=sums.name,
        shares=sums.shares,
        quality=percentile_interval(quality, drawn.quality),
        usd_per_request=each,
        usd_per_success=percentile_interval(cost / quality, per_success) if quality > 0 else _never(cost),
        usd_per_day=_scaled(each, per_day),
        usd_per_year=_scaled(each, per_day * DAYS_PER_YEAR),
        p50_ms=p50,
        p95_ms=p95,
    )


def _against(ours: _Sums, mine: _Draws, other: _Sums, theirs: _Draws, per_day: float) -> StrategyComparison:
    (quality, cost), (other_quality, other_cost) = _point(ours), _point(other)
    saved = percentile_interval(other_cost - cost, theirs.cost - mine.cost)
    return StrategyComparison(
        strategy=other.name,
        saved_usd_per_day=_scaled(saved, per_day),
        saved_usd_per_year=_scaled(saved, per_day * DAYS_PER_YEAR),
        quality_gained=percentile_interval(quality - other_quality, mine.quality - theirs.quality),
    )


def _never(cost: float) -> Interval:
    """No success: its cost is infinite, unless nothing is paid at all."""
    price = float("inf") if cost > 0 else float("nan")
    return Interval(price, price, price)


def _scaled(interval: Interval, factor: float) -> Interval:
    return Interval(interval.value * factor, interval.lower * factor, interval.upper * factor, interval.level)
