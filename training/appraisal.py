"""Judges a fit on prompts its models have not seen, beside the comparison routers on the same folds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from serving.decision.errors import Unpriced
from serving.decision.pricing import price_book
from serving.decision.rates import expected_cost
from serving.decision.types import FloatArray
from training.baselines import Sample, cross_fitted
from training.curves import IntArray, Outcomes, Router
from training.dataset import Dataset
from training.embedding_baselines import standard
from training.evaluation import Titles, evaluate
from training.figures import Consumption, Evaluation, HeldOut
from training.fit import Fitted
from training.model import Array
from training.overlap import overlap
from training.risk import certify

OURS = "thinkgate"
COMPARE_AT_MOST = 20_000
"""Prompts that the comparison is made on; a random part of longer histories."""


class Judged(Protocol):
    """What an appraisal needs of the settings."""

    @property
    def epsilon(self) -> float:
        """Largest certified quality loss."""

    @property
    def delta(self) -> float:
        """Chance that the certificate is wrong."""

    @property
    def resamples(self) -> int:
        """Of the bootstrap."""


def appraise(
    titles: Titles,
    dataset: Dataset,
    fitted: Fitted,
    embedding: FloatArray,
    features: FloatArray,
    settings: Judged,
    *,
    embedding_name: str = "static embedding",
    others: Sequence[Router] = (),
    seed: int = 0,
) -> Evaluation:
    """Judge a fit by its out-of-fold scores.

    Parameters
    ----------
    embedding, features
        float32 (n, D) and (n, F): what the comparison routers read.
    others
        Further routers to compare with, scored on all n prompts.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:COMPARE_AT_MOST])
    part = dataset.subset(rows)
    truth = part.success if part.is_paired else fitted.truth[rows]
    outcomes = Outcomes(truth, costs(part), realised=part.is_paired)
    fold = fitted.fold[rows]
    uplift = fitted.oof_uplift[rows]
    sample = Sample(
        np.asarray(embedding[rows], np.float64),
        np.where(part.observed, part.success, np.nan),
        part.tasks if any(task is not None for task in part.tasks) else None,
        np.asarray(features[rows], np.float64),
    )
    ours = Router.from_uplift(OURS, fitted.oof_score[rows])
    rivals = [cross_fitted(baseline, sample, fold) for baseline in standard(embedding_name)]
    rivals += [
        Router(other.name, other.score[rows], None if other.arm is None else other.arm[rows]) for other in others
    ]
    held_out = HeldOut(
        arms=tuple(arm.name for arm in part.arms),
        outcomes=outcomes,
        success=fitted.oof_success[rows],
        observed=None if part.is_paired else np.where(part.observed, part.success, np.nan),
        tasks=sample.tasks,
        consumption=_consumption(part, fitted, rows),
    )
    evaluation = evaluate(titles, held_out, (ours, *rivals), resamples=settings.resamples, seed=seed)
    loss = np.clip(truth[:, -1] - truth[:, 0], -1.0, 1.0)
    if not part.is_paired:
        logs = tuple(f"overlap: {arm}" for arm in overlap(dataset))
        return replace(evaluation, notes=("no certificate: logged history has pseudo-outcomes, not outcomes", *logs))
    certificate = certify(uplift[:, -1], loss, epsilon=settings.epsilon, delta=settings.delta, seed=seed)
    return replace(evaluation, certificate=certificate)


def costs(dataset: Dataset) -> Array | None:
    """Cost of every call, float64 (n, K): as recorded, else priced from its tokens; None where neither is known."""
    if np.isfinite(dataset.cost_usd).all():
        return dataset.cost_usd
    if not (np.isfinite(dataset.input_tokens).all() and np.isfinite(dataset.output_tokens).all()):
        return None
    try:
        book = price_book(dataset.arms)
    except Unpriced:
        return None
    now = time.time()
    latency = np.nan_to_num(dataset.latency_ms)

    def cost(row: int, k: int) -> float:
        inputs, outputs = float(dataset.input_tokens[row, k]), float(dataset.output_tokens[row, k])
        rates = book.card(dataset.arms[k].name).rates(now, inputs)
        return expected_cost(rates, inputs, 0.0, outputs, float(latency[row, k]), 0.0)

    priced = np.array([[cost(row, k) for k in range(len(dataset.arms))] for row in range(len(dataset))])
    return np.where(np.isfinite(dataset.cost_usd), dataset.cost_usd, priced)


def _consumption(dataset: Dataset, fitted: Fitted, rows: IntArray) -> tuple[Consumption, ...]:
    found = []
    for quantity, forecast, realised in (
        ("output tokens", fitted.oof_tokens, dataset.output_tokens),
        ("latency ms", fitted.oof_latency, dataset.latency_ms),
    ):
        if np.isfinite(realised).any():
            found.append(Consumption(quantity, forecast[0][rows], forecast[1][rows], realised))
    return tuple(found)
