"""Holds out the newest requests of a history and forecasts them with both bundles, for the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from serving.decision import Arm, Engine, Request, Usd
from serving.decision.bundle import Bundle
from serving.decision.policy import BoundPolicy, Policy
from serving.decision.pricing import Usage, cost_of_usage
from serving.decision.selection import EveryArmDenied, RuntimeState
from training.dataset import CellIndex, first_labels, first_rows, numeric_column, row_requests
from training.errors import BadHistory
from training.promotion.gate_types import BundleForecast, RequestWindow
from training.types import IntArray

NO_EXPLORATION = RuntimeState(explore=False)


@dataclass(frozen=True, slots=True, eq=False)
class HistorySplit:
    """A history split in time.

    Parameters
    ----------
    older, newer
        Rows; no prompt is in both.
    since
        Epoch seconds at which the newer part begins.
    seen
        Calls of the newer part that were left out, for their prompt is in the older one.
    """

    older: pd.DataFrame
    newer: pd.DataFrame
    since: float
    seen: int


@dataclass(frozen=True, slots=True, eq=False)
class HoldoutWindow:
    """The held-out requests, and what is known of their outcomes."""

    requests: tuple[Request, ...]
    window: RequestWindow


def split_newest(
    frame: pd.DataFrame, share: float, last_s: float | None = None, after: float | None = None
) -> HistorySplit:
    """Hold out the newest share of the calls whose success is known; calls without a timestamp go to training.

    Parameters
    ----------
    last_s
        Calls older than so many seconds before the newest one are left out.
    after
        Calls before this moment, epoch seconds, are left out; those without a time stay.

    Raises
    ------
    BadHistory
        Timestamps do not separate the calls.
    """
    if last_s is not None:
        when = numeric_column(frame, "timestamp")
        frame = frame[~(when < np.nanmax(when, initial=-np.inf) - last_s)]
    if after is not None:
        frame = frame[~(numeric_column(frame, "timestamp") < after)]
    times, known = numeric_column(frame, "timestamp"), ~np.isnan(numeric_column(frame, "success"))
    timed = np.sort(times[known & ~np.isnan(times)])
    if not len(timed) or timed[0] == timed[-1]:
        raise BadHistory("no newest window without two different timestamps: fill the column `timestamp`")
    since = float(timed[min(int(len(timed) * (1 - share)), len(timed) - 1)])
    if since == timed[0]:
        since = float(timed[timed > timed[0]][0])
    late = times >= since
    older = frame[~late]
    repeated = frame["prompt_id"].isin(older["prompt_id"].unique()).to_numpy()
    return HistorySplit(older, frame[late & ~repeated & known], since, int((late & repeated & known).sum()))


def held_out(frame: pd.DataFrame, bound_policy: BoundPolicy) -> HoldoutWindow:
    """Build the window: one row for a prompt whose arms were all called with propensity 1, else one row per call."""
    names = [arm.name for arm in bound_policy.arms]
    arms = pd.Categorical(frame["arm"].astype(object), categories=names).codes.astype(np.int64)
    propensity = numeric_column(frame, "propensity", 1.0)
    prompt = pd.factorize(frame["prompt_id"].astype(object))[0]
    size = int(prompt.max()) + 1 if len(prompt) else 0
    called = np.zeros((size, len(names)), np.bool_)
    called[prompt, arms] = True
    by_chance = np.bincount(prompt, propensity < 1.0, size) > 0
    paired = (called.all(axis=1) & ~by_chance)[prompt]
    group = pd.factorize(np.where(paired, prompt, size + np.arange(len(frame))))[0]
    rows = int(group.max()) + 1 if len(group) else 0
    first = first_rows(group, rows)
    tasks, tenants = (first_labels(frame, name, group, rows) for name in ("task", "tenant"))
    requests = row_requests(frame, first, tasks, tenants)
    value = numeric_column(frame, "value_of_success_usd")[first]
    terms = [bound_policy.policy.terms_for(request.tenant) for request in requests]
    values = [
        float(term.value(request.task)) if np.isnan(own) else float(own)
        for term, request, own in zip(terms, requests, value, strict=True)
    ]
    valued = tuple(
        replace(request, value_of_success_usd=Usd(usd)) for request, usd in zip(requests, values, strict=True)
    )

    cells = CellIndex(group * len(names) + arms, rows, len(names))
    window = RequestWindow(
        cells.means(numeric_column(frame, "success")),
        cells.means(_paid(frame, arms, bound_policy)),
        cells.means(numeric_column(frame, "latency_ms")),
        cells.means(propensity),
        np.array(values, np.float64),
        tasks,
    )
    return HoldoutWindow(valued, window)


def forecast(
    bundle: Bundle, arms: Sequence[Arm], policy: Policy, held: HoldoutWindow, now: float, size_bytes: int
) -> BundleForecast:
    """Decide the window's requests with a bundle under the operator's policy, without exploration.

    Requests for which the policy's rules allow no arm are served with the baseline, by either bundle.
    """
    engine = Engine(bundle, policy, arms=arms, clock=lambda: now)
    names = {arm.name: place for place, arm in enumerate(engine.arms)}
    shape = (len(held.requests), len(names))
    chosen: IntArray = np.zeros(shape[0], np.int64)
    success, cost, latency = (np.zeros(shape) for _ in range(3))
    supported = 0
    for row, request in enumerate(held.requests):
        try:
            decision = engine.decide(request, NO_EXPLORATION)
        except EveryArmDenied:
            continue
        chosen[row] = names[decision.arm]
        for name, estimate in decision.estimates.items():
            place = names[name]
            success[row, place], cost[row, place] = estimate.success, estimate.cost_usd
            latency[row, place] = estimate.latency_p95_ms
        supported += decision.support >= policy.terms_for(request.tenant).min_support
    certificate = bundle.manifest.certificate
    epsilon = None if certificate is None else float(str(certificate["epsilon"]))
    share = supported / max(shape[0], 1)
    return BundleForecast(bundle.bundle_id, chosen, success, cost, latency, share, epsilon, size_bytes)


def _paid(
    frame: pd.DataFrame, arms: np.typing.NDArray[np.int64], bound_policy: BoundPolicy
) -> np.typing.NDArray[np.float64]:
    """Cost of each call in USD: as recorded, else from its tokens; NaN where neither is known."""
    cost = numeric_column(frame, "cost_usd")
    inputs, outputs, times = (numeric_column(frame, name) for name in ("input_tokens", "output_tokens", "timestamp"))
    seconds = numeric_column(frame, "gpu_seconds")
    cached, hidden = (
        np.nan_to_num(numeric_column(frame, name)) for name in ("cached_input_tokens", "reasoning_tokens")
    )
    for row in np.flatnonzero(np.isnan(cost)):
        rates = bound_policy.cards[arms[row]].rates(float(np.nan_to_num(times[row])), float(np.nan_to_num(inputs[row])))
        if rates.gpu_second:
            cost[row] = seconds[row] * rates.gpu_second
        elif not np.isnan(inputs[row] + outputs[row]):
            usage = Usage(
                int(inputs[row]),
                int(outputs[row]),
                cached_input_tokens=int(min(cached[row], inputs[row])),
                reasoning_tokens=int(min(hidden[row], outputs[row])),
            )
            cost[row] = cost_of_usage(usage, rates)
    return cost
