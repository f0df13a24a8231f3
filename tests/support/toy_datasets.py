"""Tiny data sets with known truth, as arrays: uplift rises with the first column and falls with the second."""

from __future__ import annotations

import numpy as np

from serving.decision.conversation import from_prompt
from serving.decision.types import Arm, FloatArray, Request
from training.dataset.dataset import Dataset
from training.types import Array

ARMS = (Arm("direct", "m"), Arm("low", "m", "low"), Arm("high", "m", "high"))


def toy_rows(n: int, rng: np.random.Generator, width: int = 6) -> FloatArray:
    return rng.normal(size=(n, width)).astype(np.float32)


def chances(x: FloatArray, arms: int = 2) -> Array:
    """True P(success | arm): float64 (n, K)."""
    base = 1 / (1 + np.exp(-x[:, 1].astype(np.float64)))
    columns = [base] + [np.clip(base + 0.3 * k * np.tanh(x[:, 0]), 0.02, 0.98) for k in range(1, arms)]
    return np.column_stack(columns)


def dataset(truth: Array, rng: np.random.Generator, propensity: Array | None = None) -> Dataset:
    """Draw outcomes: paired without propensities, else one arm per prompt drawn with them."""
    n, arms = truth.shape
    success = (rng.random((n, arms)) < truth).astype(np.float64)
    chance = np.ones((n, arms))
    if propensity is not None:
        drawn = (rng.random((n, 1)) > propensity.cumsum(axis=1)).sum(axis=1).clip(0, arms - 1)
        keep = np.arange(arms) == drawn[:, None]
        success, chance = np.where(keep, success, np.nan), np.where(keep, propensity, np.nan)
    nothing = np.full((n, arms), np.nan)
    return Dataset(
        requests=tuple(Request(from_prompt(f"prompt {row}")) for row in range(n)),
        prompt_ids=np.array([str(row) for row in range(n)], object),
        tasks=np.array([None] * n, object),
        arms=ARMS[:arms],
        success=success,
        runs=(~np.isnan(success)).astype(np.int64),
        propensity=chance,
        output_tokens=nothing,
        reasoning_tokens=nothing,
        latency_ms=nothing,
        cost_usd=nothing,
        input_tokens=nothing,
        timestamp=np.full(n, np.nan),
        tenant=np.array([None] * n, object),
    )
