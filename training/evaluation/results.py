"""Values of an evaluation: the arrays that it is computed from, and its figures with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluation.router_results import Curve, RouterResult, RuleResult
from training.metrics import (
    Bins,
    BucketRow,
    Calibration,
    Certificate,
    ForecastQuality,
    Interval,
    NoCertificate,
    PolicyValue,
    RealisedOutcomes,
    Router,
)
from training.types import Array, IntArray


@dataclass(frozen=True, slots=True)
class ConsumptionForecast:
    """Forecast and truth of one quantity, per held-out prompt and arm.

    Parameters
    ----------
    quantity
        `output tokens` or `latency ms`.
    mean, p95, realised
        float64 (n, K); realised is NaN where unknown.
    """

    quantity: str
    mean: Array
    p95: Array
    realised: Array


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Outcomes and forecasts of n held-out prompts and K arms.

    Parameters
    ----------
    arms
        K names, the baseline first.
    success
        float64 (n, K), calibrated forecast.
    observed
        float64 (n, K), realised success with NaN where the arm was not used; None takes `outcomes.success`.
    tasks
        object (n,), or None.
    support
        float64 (m,) in [0, 1], of held-out prompts of seen task types; or None.
    buckets
        n of `use`, `maybe`, `avoid`; or None.
    chosen
        int64 (n,), the arm that the default policy picks; or None.
    uplift
        float64 (n,), calibrated uplift of the arm that ours would switch to; None takes the router's own score.
    """

    arms: tuple[str, ...]
    outcomes: RealisedOutcomes
    success: Array
    observed: Array | None = None
    tasks: NDArray[np.object_] | None = None
    support: Array | None = None
    buckets: Sequence[str] | None = None
    chosen: IntArray | None = None
    consumption: tuple[ConsumptionForecast, ...] = ()
    uplift: Array | None = None


@dataclass(frozen=True, slots=True)
class UnseenTasks:
    """The same model and routers on task types that were left out of their training.

    Parameters
    ----------
    outcomes
        Of these prompts.
    routers
        The first is ours.
    tasks
        object (n,).
    support
        float64 (n,) when the task was unseen, or None.
    """

    outcomes: RealisedOutcomes
    routers: tuple[Router, ...]
    tasks: NDArray[np.object_]
    support: Array | None = None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task type; `lost` is the better arm's success minus the routed one's, positive where a rule does better."""

    task: str
    count: int
    baseline_success: float
    reference_success: float
    uplift: Interval
    predicted_uplift: float
    calls: float
    routed_success: float
    lost: float


@dataclass(frozen=True, slots=True)
class Separation:
    """How well support separates unseen task types from seen ones.

    Parameters
    ----------
    edges
        (b+1,) of the histogram bins over [0, 1].
    seen, unseen
        (b,) share of prompts in each bin.
    """

    auroc: Interval
    edges: Array
    seen: Array
    unseen: Array


@dataclass(frozen=True, slots=True)
class UnseenResult:
    """Routers on unseen task types; `drawn` says whether whole task types or prompts were resampled."""

    routers: tuple[RouterResult, ...]
    drawn: str
    separation: Separation | None


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """Share of the oracle's area after learning from `prompts` of them."""

    prompts: int
    oracle_share: Interval


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one model on one set of held-out prompts; ours is the first of `routers`."""

    title: str
    source: str
    synthetic: bool
    arms: tuple[str, ...]
    reference: str
    prompts: int
    priced: bool
    rules: tuple[RuleResult, ...]
    routers: tuple[RouterResult, ...]
    oracle: Curve | None
    calibration: tuple[Calibration, ...]
    uplift_bins: Bins
    buckets: tuple[BucketRow, ...] = ()
    tasks: tuple[TaskRow, ...] = ()
    unseen: UnseenResult | None = None
    forecasts: tuple[ForecastQuality, ...] = ()
    learning: tuple[LearningPoint, ...] = ()
    certificate: Certificate | NoCertificate | None = None
    policies: tuple[PolicyValue, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ours(self) -> RouterResult:
        """The result of our router."""
        return self.routers[0]

    @property
    def worst_tasks(self) -> tuple[TaskRow, ...]:
        """Task types where routing loses most against the better arm, the largest total loss first."""
        return tuple(sorted((t for t in self.tasks if t.lost > 0), key=lambda t: -t.lost * t.count)[:8])

    @property
    def metrics(self) -> Mapping[str, float]:
        """Flat figures for an experiment tracker and the manifest."""
        equal, ours = self.ours.equal_quality, self.ours
        flat = {"area": ours.area.value, "calls_at_equal_quality": equal.calls.value}
        optional = {
            "oracle_share": ours.oracle_share,
            "cost_per_success_usd": equal.cost_per_success_usd,
            "support_auroc": self.unseen.separation.auroc if self.unseen and self.unseen.separation else None,
            "oracle_share_unseen": self.unseen.routers[0].oracle_share if self.unseen else None,
        }
        for name, interval in optional.items():
            if interval is not None:
                flat |= {name: interval.value, f"{name}_lower": interval.lower, f"{name}_upper": interval.upper}
        areas = {"auuc": ours.uplift_area.auuc, "qini": ours.uplift_area.qini}
        flat |= {name: area for name, area in areas.items() if area is not None}
        flat |= {f"ece_{c.arm}": c.ece.value for c in self.calibration}
        flat |= {f"brier_{c.arm}": c.brier.value for c in self.calibration}
        for f in self.forecasts:
            flat[f"coverage_p95_{f.quantity.replace(' ', '_')}_{f.arm}"] = f.coverage.value
        return flat
