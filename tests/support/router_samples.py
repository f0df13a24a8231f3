"""Prompts of four tasks in four corners of an embedding; reasoning helps in two of them."""

from __future__ import annotations

import numpy as np

from training.evaluation.baselines import RouterSample

N = 500


def sample(seed: int = 0, n: int = N, arms: int = 2) -> RouterSample:
    """Four tasks in four corners of the embedding; reasoning helps in two of them."""
    rng = np.random.default_rng(seed)
    task = rng.integers(0, 4, n)
    embedding = np.eye(12)[task] * 2 + rng.normal(0, 0.4, (n, 12))
    chance = np.array([[0.2, 0.9], [0.9, 0.9], [0.1, 0.1], [0.5, 0.8]])[task]
    chance = np.column_stack([chance] + [chance[:, 1] - 0.1] * (arms - 2))
    success = (rng.random((n, arms)) < chance).astype(float)
    return RouterSample(embedding, success, np.array(list("abcd"), dtype=object)[task], rng.normal(size=(n, 3)))
