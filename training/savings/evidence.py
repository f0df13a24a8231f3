"""Evidence of a savings estimate: one row per request, known outcomes per arm, forecasts, and the policy's choice.

A paired history has outcomes of every arm of a request; a logged one, and a journal, of the arm that served, with its
propensity. Forecasts reduce the variance of the estimate; they never replace a known outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from serving.decision import BadInput, Decision
from training.types import Array

Kind = Literal["paired history", "logged history", "journal"]
ASSUMED_PER_DAY = 10_000.0
DAY = 86_400.0
MINIMUM = 20
"""Fewer requests with a known outcome are too few for an estimate."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """n requests x K arms.

    Parameters
    ----------
    success, cost_usd, latency_ms
        float64 (n, K), realised; NaN where unknown.
    propensity
        float64 (n, K), in (0, 1] where `success` is known, else NaN; 1 on requests whose arms were all called.
    forecast_success, forecast_cost_usd
        float64 (n, K).
    chosen
        int64 (n,), the policy's arm.
    tasks, tenants
        object (n,), None where unknown.
    per_day
        Requests a day that costs are scaled to.
    assumed
        `per_day` is a default, since neither the data nor the caller state it.
    """

    kind: Kind
    arms: tuple[str, ...]
    policy: str
    success: Array
    cost_usd: Array
    latency_ms: Array
    propensity: Array
    forecast_success: Array
    forecast_cost_usd: Array
    chosen: NDArray[np.int64]
    tasks: NDArray[np.object_]
    tenants: NDArray[np.object_]
    per_day: float
    assumed: bool
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def paired(self) -> NDArray[np.bool_]:
        """(n,): is the success of every arm known?"""
        return np.asarray(np.isfinite(self.success).all(axis=1), np.bool_)

    def noting(self, notes: tuple[str, ...]) -> Evidence:
        """Add notes for the reader."""
        return replace(self, notes=(*notes, *self.notes))

    def subset(self, rows: NDArray[np.bool_]) -> Evidence:
        """Select requests; `per_day` is scaled by their share."""
        tables = ("success", "cost_usd", "latency_ms", "propensity", "forecast_success", "forecast_cost_usd")
        columns = ("chosen", "tasks", "tenants")
        part = {name: getattr(self, name)[rows] for name in (*tables, *columns)}
        return replace(self, **part, per_day=self.per_day * float(rows.mean()))


def cost_notes(cost: Array, success: Array) -> tuple[str, ...]:
    """Note the share of known outcomes that have no cost."""
    known = np.isfinite(success)
    missing = float((~np.isfinite(cost) & known).sum()) / max(float(known.sum()), 1.0)
    return (
        (f"{missing:.0%} of the calls have neither cost nor tokens: their cost is the forecast's",) if missing else ()
    )


def forecasts_of(decisions: Sequence[Decision], names: Sequence[str]) -> Array:
    """Stack forecasts of success and of cost, float64 (2, n, K)."""
    return np.array(
        [
            [[decision.estimates[name].success for name in names] for decision in decisions],
            [[decision.estimates[name].cost_usd for name in names] for decision in decisions],
        ]
    )


def rate_of(times: Array, per_day: float | None) -> tuple[float, bool]:
    """Return requests a day, and whether they are assumed: as given, from the timestamps (n,), or a default."""
    if per_day is not None:
        if per_day <= 0:
            raise BadInput("requests per day must be above 0")
        return per_day, False
    known = times[np.isfinite(times)]
    span = float(known.max() - known.min()) / DAY if len(known) else 0.0
    return (len(times) / span, False) if span >= 1.0 else (ASSUMED_PER_DAY, True)
