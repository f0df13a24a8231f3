"""Builds the held-out values that both evaluations are computed from: realised outcomes, call costs and forecasts.

`out_of_fold` fills them from models that have not seen the prompts, `bundle_evaluation` from a finished bundle.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.decision import Prediction, Unpriced
from serving.decision.pricing import expected_cost, price_book
from training.dataset import Dataset
from training.evaluation.policy_simulation import SimulatedChoices
from training.evaluation.results import ConsumptionForecast, HeldOut
from training.metrics import RealisedOutcomes
from training.types import Array, IntArray

OURS = "thinkgate"


@dataclass(frozen=True, slots=True, eq=False)
class Forecasts:
    """Forecasts of n held-out prompts and K arms.

    Parameters
    ----------
    success
        float64 (n, K), calibrated P(success | arm).
    output_tokens, latency_ms
        float64 (2, n, K): the mean, then the 95th percentile.
    """

    success: Array
    output_tokens: Array
    latency_ms: Array

    @staticmethod
    def of_predictions(predicted: Sequence[Prediction]) -> Forecasts:
        """Stack the predictions of a bundle."""

        def stacked(*names: str) -> Array:
            return np.array([[getattr(row, name) for row in predicted] for name in names], np.float64)

        return Forecasts(
            stacked("success")[0],
            stacked("output_tokens_mean", "output_tokens_p95"),
            stacked("latency_mean_ms", "latency_p95_ms"),
        )


def build_held_out(
    dataset: Dataset,
    success: Array,
    forecasts: Forecasts,
    *,
    choices: SimulatedChoices | None = None,
    support: Array | None = None,
    uplift: Array | None = None,
) -> HeldOut:
    """Put outcomes, costs and forecasts of n held-out prompts together.

    Parameters
    ----------
    success
        float64 (n, K), realised on paired prompts, else doubly robust.
    choices
        Of the default policy; None where an arm has no price.
    support
        float64 (m,), of held-out prompts of task types that were seen in training.
    uplift
        float64 (n,), calibrated uplift of the arm that our router would switch to.
    """
    outcomes = RealisedOutcomes(success, call_costs(dataset, forecasts.output_tokens[0]), realised=dataset.is_paired)
    return HeldOut(
        arms=tuple(arm.name for arm in dataset.arms),
        outcomes=outcomes,
        success=forecasts.success,
        observed=None if dataset.is_paired else np.where(dataset.observed, dataset.success, np.nan),
        tasks=labelled_tasks(dataset),
        support=support,
        buckets=None if choices is None else choices.buckets,
        chosen=None if choices is None else choices.arm,
        consumption=_consumption(dataset, forecasts),
        uplift=uplift,
    )


def labelled_tasks(dataset: Dataset) -> NDArray[np.object_] | None:
    """Give the task labels, object (n,); None where no prompt has one."""
    return dataset.tasks if any(task is not None for task in dataset.tasks) else None


def target_policies(held_out: HeldOut) -> Mapping[str, IntArray]:
    """Name the policies that a log is asked to value: every constant arm, and ours where it is known."""
    n, arms = held_out.outcomes.success.shape
    found = {f"always {held_out.arms[k]}": np.full(n, k, np.int64) for k in range(arms)}
    return found if held_out.chosen is None else {f"{OURS}, default policy": held_out.chosen, **found}


def call_costs(dataset: Dataset, forecast: Array | None = None) -> Array | None:
    """Cost of every call, float64 (n, K) USD: as recorded, else priced from its tokens; None where neither is known.

    Parameters
    ----------
    forecast
        float64 (n, K), output tokens of the calls that a logged history did not make. They are used only where every
        prompt has at least one call whose tokens are known.
    """
    if np.isfinite(dataset.cost_usd).all():
        return dataset.cost_usd
    known = np.isfinite(dataset.input_tokens) & np.isfinite(dataset.output_tokens)
    if not (known.all() or (forecast is not None and known.any(axis=1).all())):
        return None
    prompt = np.where(known, dataset.input_tokens, 0).sum(axis=1) / known.sum(axis=1)
    inputs_of = np.where(known, dataset.input_tokens, prompt[:, None])
    outputs_of = dataset.output_tokens if forecast is None else np.where(known, dataset.output_tokens, forecast)
    try:
        book = price_book(dataset.arms)
    except Unpriced:
        return None
    now = time.time()
    latency = np.nan_to_num(dataset.latency_ms)

    def cost(row: int, k: int) -> float:
        inputs, outputs = float(inputs_of[row, k]), float(outputs_of[row, k])
        rates = book.card(dataset.arms[k].name).rates(now, inputs)
        return expected_cost(rates, inputs, 0.0, outputs, float(latency[row, k]), 0.0)

    priced = np.array([[cost(row, k) for k in range(len(dataset.arms))] for row in range(len(dataset))])
    return np.where(np.isfinite(dataset.cost_usd), dataset.cost_usd, priced)


def _consumption(dataset: Dataset, forecasts: Forecasts) -> tuple[ConsumptionForecast, ...]:
    quantities = (
        ("output tokens", forecasts.output_tokens, dataset.output_tokens),
        ("latency ms", forecasts.latency_ms, dataset.latency_ms),
    )
    return tuple(
        ConsumptionForecast(name, forecast[0], forecast[1], realised)
        for name, forecast, realised in quantities
        if np.isfinite(realised).any()
    )
