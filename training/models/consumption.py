"""Consumption models: output tokens (hidden ones included) and latency of an arm, mean and p95.

Both are long-tailed, so trees learn their logarithm. The mean is retransformed by the factor with which forecasts that
have not seen the prompt add up to what was really consumed (the ratio form of Duan's smearing, JASA 1983): budgets are
sums. The p95 is so many times the mean that it covers 95 % of prompts that its trees have not seen (split-conformal,
Lei et al. 2018, "Distribution-Free Predictive Inference for Regression", on the log scale; docs/adr/0087).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from serving.decision import FloatArray
from training.dataset import Dataset
from training.models.boosting import BinnedRows, TreeSettings, raw_scores, shifted
from training.models.fitted_model import QuantityHead
from training.types import Array, IntArray

QUANTITY_TREES = TreeSettings(rounds=30, leaves=15, bags=1, learning_rate=0.15, feature_fraction=0.3)
MINIMUM_ROWS = 50
"""Fewer known calls than this, and the arm's defaults serve."""
TAIL = 2.5
"""p95 over mean where only a default mean is known."""
LEVEL = 0.95
LEAST_HIDDEN = 0.1
"""An arm whose output is hidden to a smaller share than this hardly thinks."""
STALLED = 0.995
"""Above this quantile a latency is taken for a stall."""


@dataclass(frozen=True, slots=True)
class LearntQuantity:
    """A quantity's heads, and its forecasts by trees that have not seen the prompt: float64 (n,) each."""

    head: QuantityHead
    mean: Array
    p95: Array


def fit_quantity(
    x: FloatArray, realised: Array, fold: IntArray, default_mean: float, binned: BinnedRows, *, seed: int
) -> LearntQuantity:
    """Learn one quantity of one arm.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    realised
        float64 (n,), NaN where unknown.
    default_mean
        What serves where the history has too little.
    binned
        The same rows, binned for `QUANTITY_TREES`.
    """
    known = np.flatnonzero(np.isfinite(realised))
    if len(known) < MINIMUM_ROWS:
        head = QuantityHead(float(default_mean), TAIL, "defaults")
        return LearntQuantity(head, np.full(len(x), float(default_mean)), np.full(len(x), TAIL * default_mean))
    y = np.log(np.maximum(realised, 1.0))
    y[~np.isfinite(realised)] = 0.0
    score = np.zeros(len(y))
    parts = [(known[fold[known] != f], seed + f) for f in range(fold.max() + 1)]
    jobs = [
        partial(binned.head, y, rows, "regression", seed=own)
        for rows, own in (*parts, (known, seed + 100))
        if len(rows)
    ]
    *held_out, whole = binned.run_jobs(jobs)
    for f, trees in zip([f for f, part in enumerate(parts) if len(part[0])], held_out, strict=True):
        score[fold == f] = raw_scores(trees, x[fold == f])
    smearing = float(np.log(np.mean(np.exp(y[known])) / np.mean(np.exp(score[known]))))
    head = QuantityHead(shifted(whole, smearing), _tail(y[known] - score[known] - smearing), "history")
    mean = np.exp(score + smearing)
    p95 = mean.copy()
    for f in range(fold.max() + 1):  # the tail, too, from other folds than the one it is judged on
        others = known[fold[known] != f]
        p95[fold == f] *= _tail(y[others] - score[others] - smearing) if len(others) else 1.0
    return LearntQuantity(head, mean, p95)


def hidden_shares(dataset: Dataset) -> Mapping[str, float]:
    """Learn which share of an arm's output tokens is hidden: a ratio of sums, as forecasts of sums are held against it.

    Returns
    -------
    Mapping
        By arm; left out are arms that hardly think, and those of which fewer than `MINIMUM_ROWS` prompts tell both.
    """
    shares = {}
    for arm, output, hidden in zip(dataset.arms, dataset.output_tokens.T, dataset.reasoning_tokens.T, strict=True):
        both = np.isfinite(output) & np.isfinite(hidden)
        if both.sum() >= MINIMUM_ROWS and hidden[both].sum() >= LEAST_HIDDEN * output[both].sum() > 0.0:
            shares[arm.name] = round(min(float(hidden[both].sum() / output[both].sum()), 1.0), 4)
    return shares


def without_stalls(latency_ms: Array) -> Array:
    """Cut the longest of 200 calls down to the next: a few stalled connections would lift the mean above the p95.

    Parameters
    ----------
    latency_ms
        float64 (n,), NaN where unknown.
    """
    if not np.isfinite(latency_ms).any():
        return latency_ms
    return np.asarray(np.minimum(latency_ms, np.nanquantile(latency_ms, STALLED)), np.float64)


def _tail(residual: Array) -> float:
    """Factor, at least 1, that covers the level of these residuals (logs), with split-conformal's correction."""
    rank = min(1.0, LEVEL * (1 + 1 / len(residual)))
    return max(1.0, float(np.exp(np.quantile(residual, rank, method="higher"))))
