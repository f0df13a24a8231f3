"""Evidence from outcome records: decides every prompt under the policy, with the model's forecasts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from serving.decision import Engine, Request
from serving.decision.pricing import expected_cost
from serving.decision.selection import RuntimeState
from training.dataset import Dataset
from training.progress import Progress, silent
from training.savings.evidence import Evidence, cost_notes, forecasts_of, rate_of
from training.types import Array


def from_history(
    dataset: Dataset, engine: Engine, per_day: float | None = None, progress: Progress = silent
) -> Evidence:
    """Decide every prompt of a history under the engine's policy.

    Parameters
    ----------
    per_day
        Requests a day; from the timestamps where None.
    """
    decisions = []
    for place, request in enumerate(_with_tenants(dataset)):
        if place % 256 == 0:
            progress("decide", place, len(dataset))
        decisions.append(engine.decide(request, RuntimeState(input_tokens=_input_tokens(dataset, place))))
    names = tuple(arm.name for arm in engine.arms)
    rate, assumed = rate_of(dataset.timestamp, per_day)
    cost = np.where(np.isfinite(dataset.cost_usd), dataset.cost_usd, _priced(dataset, engine))
    forecasts = forecasts_of(decisions, names)
    return Evidence(
        kind="paired history" if dataset.is_paired else "logged history",
        arms=names,
        policy=engine.version,
        success=dataset.success,
        cost_usd=cost,
        latency_ms=dataset.latency_ms,
        propensity=dataset.propensity,
        forecast_success=forecasts[0],
        forecast_cost_usd=forecasts[1],
        chosen=np.array([names.index(decision.arm) for decision in decisions], np.int64),
        tasks=dataset.tasks,
        tenants=dataset.tenant,
        per_day=rate,
        assumed=assumed,
        notes=cost_notes(cost, dataset.success),
    )


def _priced(dataset: Dataset, engine: Engine) -> Array:
    """Price every call from its tokens (and GPU seconds as latency), at the arms' current prices."""
    now = float(np.nanmax(dataset.timestamp)) if np.isfinite(dataset.timestamp).any() else 0.0
    priced: Array = np.full(dataset.success.shape, np.nan)
    for row, place in zip(*np.nonzero(np.isfinite(dataset.output_tokens)), strict=True):
        inputs = dataset.input_tokens[row, place]
        if not np.isfinite(inputs):
            continue
        rates = engine.bound_policy.cards[place].rates(now, float(inputs))
        latency = dataset.latency_ms[row, place]
        if rates.gpu_second and not np.isfinite(latency):
            continue
        output = float(dataset.output_tokens[row, place])
        priced[row, place] = expected_cost(rates, float(inputs), 0.0, output, float(np.nan_to_num(latency)), 0.0)
    return priced


def _with_tenants(dataset: Dataset) -> Iterable[Request]:
    return (
        request if request.tenant or tenant is None else replace(request, tenant=str(tenant))
        for request, tenant in zip(dataset.requests, dataset.tenant, strict=True)
    )


def _input_tokens(dataset: Dataset, row: int) -> int | None:
    counted = dataset.input_tokens[row]
    return int(np.nanmean(counted)) if np.isfinite(counted).any() else None
