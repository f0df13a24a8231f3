"""Values that a comparison of routers and fixed policies returns."""

from __future__ import annotations

from dataclasses import dataclass

from training.metrics import Interval, UpliftArea
from training.types import Array

NEAR = 0.01
"""Success that `RouterResult.near_quality` may give up: one point in a hundred."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Quality when the top share of requests reasons.

    Parameters
    ----------
    share, quality, lower, upper
        (m,) share of requests that reason, mean success, its 95 % band.
    over_random, over_lower, over_upper
        (m,) success above random routing at the same rate, its 95 % band.
    cost_usd
        (m,) mean cost of a request, or None.
    """

    share: Array
    quality: Array
    lower: Array
    upper: Array
    over_random: Array
    over_lower: Array
    over_upper: Array
    cost_usd: Array | None


@dataclass(frozen=True, slots=True)
class EqualQuality:
    """Reasoning calls and cost that a router needs to match always-reasoning, exactly or nearly.

    The cut is chosen on one random half of the prompts and read off the other, so the figures are not flattered by
    picking the luckiest cut; hence the small gap that remains.

    Parameters
    ----------
    tolerance
        How much success may be given up.
    calls
        Share of requests that still reason.
    gap
        Success at that cut minus success of always-reasoning.
    cost_usd, cost_per_success_usd
        Mean cost of a request and of a successful one; None where tokens are not known.
    """

    tolerance: float
    calls: Interval
    gap: Interval
    cost_usd: Interval | None
    cost_per_success_usd: Interval | None


@dataclass(frozen=True, slots=True)
class RouterResult:
    """One router's figures; `ahead` and `cheaper_usd` compare it with the first router.

    Parameters
    ----------
    area
        Between its curve and the random line.
    oracle_share
        That area as a share of the oracle's; None where there is no oracle.
    equal_quality, near_quality
        Where it reaches always-reasoning, and where it stays `NEAR` below.
    ahead
        The first router's oracle share (area, where there is no oracle) minus this one's, same draws; None for itself.
    cheaper_usd
        This one's cost per success at always-reasoning quality minus the first router's; None for itself or unpriced.
    """

    name: str
    curve: Curve
    area: Interval
    oracle_share: Interval | None
    uplift_area: UpliftArea
    equal_quality: EqualQuality
    near_quality: EqualQuality
    ahead: Interval | None
    cheaper_usd: Interval | None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """Figures of one fixed policy.

    Parameters
    ----------
    calls
        Share of requests that do not go to the baseline.
    over_random
        Success minus that of random routing at the same rate.
    """

    name: str
    calls: float
    success: Interval
    over_random: Interval
    cost_usd: Interval | None
    cost_per_success_usd: Interval | None
