"""Compares routers on the same prompts: curves, areas, cost at equal quality, paired differences, fixed policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.router_results import NEAR, Curve, EqualQuality, RouterResult, RuleResult
from training.metrics import (
    Interval,
    PiecewiseCurves,
    RankedGains,
    RealisedOutcomes,
    Resampling,
    Router,
    area_over_random,
    oracle_ranking,
    paired_area,
    percentile_interval,
    two_arm_view,
)
from training.types import Array, IntArray


@dataclass(frozen=True, slots=True)
class _Entry:
    """A router, its ranking, and the outcomes of the two arms that it chooses between."""

    router: Router
    pair: RealisedOutcomes
    ranked: RankedGains

    @staticmethod
    def of(outcomes: RealisedOutcomes, router: Router) -> _Entry:
        return _Entry(router, two_arm_view(outcomes, router), RankedGains.of(outcomes, router))

    def paths(self, weights: Array) -> PiecewiseCurves:
        return self.ranked.paths(weights)


@dataclass(frozen=True, slots=True)
class _Draws:
    """b draws of one router.

    area (b,); points (b, 2, 4) at equal and near quality: calls, gap, cost, cost per success; quality and
    its excess over random (b, m).
    """

    area: Array
    points: Array
    quality: Array
    excess: Array


def compare_routers(
    outcomes: RealisedOutcomes, routers: Sequence[Router], plan: Resampling, *, points: int = 101, halvings: int = 64
) -> tuple[RouterResult, ...]:
    """Compare routers on the same prompts and the same resamples; the others are compared with the first one.

    Parameters
    ----------
    points
        On each curve.
    halvings
        Random halves over which the equal-quality figures are averaged.
    """
    grid, rng = np.linspace(0, 1, points), np.random.default_rng([plan.seed, 1])
    entries, ceiling = [_Entry.of(outcomes, router) for router in routers], oracle_ranking(outcomes)
    halves = (rng.random((halvings, outcomes.size)) < 0.5).astype(np.float64)
    split = [_evaluated(outcomes, e, np.ones_like(halves), halves, grid) for e in entries]
    exact = [_Draws(d.area[:1], d.points.mean(axis=0, keepdims=True), d.quality[:1], d.excess[:1]) for d in split]
    drawn: list[list[_Draws]] = [[] for _ in entries]
    best: list[Array] = []
    for weights in plan.chunks():
        half = (rng.random(weights.shape) < 0.5).astype(np.float64)
        best.append(area_over_random(outcomes, ceiling, weights))
        for kept, entry in zip(drawn, entries, strict=True):
            kept.append(_evaluated(outcomes, entry, weights, half, grid))
    draws = [_joined(parts) for parts in drawn]
    scale = _Scale(float(area_over_random(outcomes, ceiling)[0]), np.concatenate(best), outcomes.realised)
    return tuple(
        _result(entry, grid, scale, (exact[i], draws[i]), (exact[0], draws[0]) if i else None)
        for i, entry in enumerate(entries)
    )


def evaluate_fixed_policy(name: str, outcomes: RealisedOutcomes, arm: IntArray, plan: Resampling) -> RuleResult:
    """Evaluate a fixed choice of arm per prompt on realised outcomes: always-direct, always-reasoning, a live policy.

    Parameters
    ----------
    arm
        int64 (n,).
    plan
        Bootstrap over the prompts.
    """
    rows = np.arange(outcomes.size)
    cost = outcomes.cost_usd
    success, reasons = outcomes.success[rows, arm], (arm != 0).astype(np.float64)
    paid = np.zeros(outcomes.size) if cost is None else cost[rows, arm]

    def figures(w: Array) -> Array:
        total = w.sum(axis=1)
        quality, usd = w @ success / total, w @ paid / total
        line = w @ outcomes.success[:, 0] / total + (w @ reasons / total) * (w @ outcomes.gain / total)
        return np.column_stack([quality, quality - line, usd, usd / np.maximum(quality, 1e-12)])

    exact, draws = figures(np.ones((1, outcomes.size)))[0], plan.apply(figures)
    ranges = [percentile_interval(float(exact[j]), draws[:, j]) for j in range(4)]
    priced = (None, None) if cost is None else (ranges[2], ranges[3])
    return RuleResult(name, float(reasons.mean()), ranges[0], ranges[1], *priced)


def oracle_curve(outcomes: RealisedOutcomes, points: int = 101) -> Curve | None:
    """The curve of the oracle's ranking, without a band; None for pseudo-outcomes."""
    if not outcomes.realised:
        return None
    grid, entry = np.linspace(0, 1, points), _Entry.of(outcomes, oracle_ranking(outcomes))
    gain = entry.paths(np.ones((1, outcomes.size))).gain_at(grid[None])[0]
    quality, excess = outcomes.success[:, 0].mean() + gain, gain - grid * outcomes.gain.mean()
    return Curve(grid, quality, quality, quality, excess, excess, excess, _cost_along(entry, grid))


@dataclass(frozen=True, slots=True)
class _Scale:
    """The oracle's area, exact and drawn (B,)."""

    exact: float
    draws: Array
    realised: bool

    def __bool__(self) -> bool:
        return self.realised and self.exact > 1e-12

    def interval(self, area: float, draws: Array) -> Interval:
        """An area, or a difference of areas, as a share of the oracle's; as it is where there is no oracle."""
        if not self:
            return percentile_interval(area, draws)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(self.draws > 1e-12, draws / self.draws, np.nan)
        return percentile_interval(area / self.exact, shares)


def _evaluated(outcomes: RealisedOutcomes, entry: _Entry, weights: Array, half: Array, grid: Array) -> _Draws:
    """Figures under b weights (b, n); the prompts are split in two by `half` (b, n) of zeros and ones."""
    sides = weights * half, weights * (1 - half)
    first, second = (_Side.of(outcomes, entry, w) for w in sides)
    whole = first.paths.joined(second.paths, first.size / (first.size + second.size))
    total = weights.sum(axis=1)
    steep, start = weights @ outcomes.gain / total, weights @ entry.pair.success[:, 0] / total
    gain = whole.gain_at(np.broadcast_to(grid, (len(weights), len(grid))))
    points = [(second.read(first.cut(t)) + first.read(second.cut(t))) / 2 for t in (0.0, NEAR)]
    both = np.stack(points, axis=1)
    both[:, :, 3] = both[:, :, 2] / np.maximum(both[:, :, 3], 1e-12)
    return _Draws(whole.area - steep / 2, both, start[:, None] + gain, gain - steep[:, None] * grid)


@dataclass(frozen=True, slots=True)
class _Side:
    """One half of the prompts, b times over: the curve, and means of success and cost at both ends."""

    paths: PiecewiseCurves
    size: Array
    direct: Array
    reference: Array
    direct_usd: Array

    @staticmethod
    def of(outcomes: RealisedOutcomes, entry: _Entry, weights: Array) -> _Side:
        size, pair = np.maximum(weights.sum(axis=1), 1e-12), entry.pair
        direct, reference = (weights @ column / size for column in (pair.success[:, 0], outcomes.gain))
        usd = np.full(len(size), np.nan) if pair.cost_usd is None else weights @ pair.cost_usd[:, 0] / size
        return _Side(entry.paths(weights), size, direct, reference, usd)

    def cut(self, tolerance: float) -> Array:
        """(b,) smallest share of calls that comes within `tolerance` of always-reasoning here."""
        return self.paths.reaching(self.reference - tolerance)

    def read(self, share: Array) -> Array:
        """(b, 4) calls, gap, cost and success at shares (b,)."""
        gain, paid = self.paths.gain_at(share[:, None])[:, 0], self.paths.extra_usd_at(share[:, None])
        usd = self.direct_usd if paid is None else self.direct_usd + paid[:, 0]
        return np.column_stack([share, gain - self.reference, usd, self.direct + gain])


def _joined(parts: Sequence[_Draws]) -> _Draws:
    return _Draws(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("area", "points", "quality", "excess"))
    )


def _cost_along(entry: _Entry, grid: Array) -> Array | None:
    cost = entry.pair.cost_usd
    extra = entry.paths(np.ones((1, entry.pair.size))).extra_usd_at(grid[None])
    if extra is None or cost is None:
        return None
    along: Array = cost[:, 0].mean() + extra[0]
    return along


def _result(
    entry: _Entry, grid: Array, scale: _Scale, own: tuple[_Draws, _Draws], first: tuple[_Draws, _Draws] | None
) -> RouterResult:
    exact, draws = own
    low, high = np.quantile(draws.quality, [0.025, 0.975], axis=0)
    under, over = np.quantile(draws.excess, [0.025, 0.975], axis=0)
    cost = _cost_along(entry, grid)
    curve = Curve(grid, exact.quality[0], low, high, exact.excess[0], under, over, cost)
    area = percentile_interval(float(exact.area[0]), draws.area)
    ahead = cheaper = None
    if first is not None:
        ahead = scale.interval(float(first[0].area[0] - exact.area[0]), first[1].area - draws.area)
        spare, spares = (
            exact.points[0, 0, 3] - first[0].points[0, 0, 3],
            draws.points[:, 0, 3] - first[1].points[:, 0, 3],
        )
        cheaper = None if entry.pair.cost_usd is None else percentile_interval(float(spare), spares)
    return RouterResult(
        entry.router.name,
        curve,
        area,
        scale.interval(float(exact.area[0]), draws.area) if scale else None,
        paired_area(entry.router.score, entry.pair.gain),
        _point(exact.points[0, 0], draws.points[:, 0], 0.0),
        _point(exact.points[0, 1], draws.points[:, 1], NEAR),
        ahead,
        cheaper,
    )


def _point(exact: Array, draws: Array, tolerance: float) -> EqualQuality:
    calls, gap = (percentile_interval(float(exact[j]), draws[:, j]) for j in (0, 1))
    if not np.isfinite(exact[2]):
        return EqualQuality(tolerance, calls, gap, None, None)
    return EqualQuality(tolerance, calls, gap, *(percentile_interval(float(exact[j]), draws[:, j]) for j in (2, 3)))
