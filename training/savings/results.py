"""Values of a savings estimate: strategies side by side, on all traffic and on its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from training.metrics import Interval

Estimator = Literal["direct", "dr", "snips"]


@dataclass(frozen=True, slots=True)
class StrategyFigures:
    """One strategy on one part of the traffic; money in USD.

    Parameters
    ----------
    shares
        Part of the requests that each arm serves.
    quality
        Success of a request.
    p50_ms, p95_ms
        Latency; None where no latency is known.
    """

    strategy: str
    shares: Mapping[str, float]
    quality: Interval
    usd_per_request: Interval
    usd_per_success: Interval
    usd_per_day: Interval
    usd_per_year: Interval
    p50_ms: Interval | None
    p95_ms: Interval | None


@dataclass(frozen=True, slots=True)
class StrategyComparison:
    """The policy beside another strategy: USD saved a day and a year, and quality gained."""

    strategy: str
    saved_usd_per_day: Interval
    saved_usd_per_year: Interval
    quality_gained: Interval


@dataclass(frozen=True, slots=True)
class TrafficPart:
    """All strategies on one part of the traffic; the first is the policy.

    Parameters
    ----------
    missing
        Strategies that the log does not support, with the reason.
    """

    name: str
    requests: int
    strategies: tuple[StrategyFigures, ...]
    against: tuple[StrategyComparison, ...]
    missing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Savings:
    """Estimated cost and quality of the policy and of the other strategies.

    Parameters
    ----------
    source
        What was replayed.
    estimator
        `direct` where every arm of every request is known.
    """

    source: str
    kind: str
    policy: str
    estimator: Estimator
    requests: int
    requests_per_day: float
    requests_per_day_assumed: bool
    whole: TrafficPart
    by_task: tuple[TrafficPart, ...]
    by_tenant: tuple[TrafficPart, ...]
    notes: tuple[str, ...]
