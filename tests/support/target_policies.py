"""Target policies for off-policy tests."""

from __future__ import annotations

import numpy as np

from training.metrics.cost_quality import Router
from training.types import Array


def threshold_policy(router: Router, threshold: float, arms: int, explore: float = 0.0) -> Array:
    """Give the probabilities (n, K) of reasoning from a score on, and of any arm with probability `explore`."""
    arm = np.full(len(router.score), arms - 1) if router.arm is None else router.arm
    target = np.full((len(arm), arms), explore / arms)
    target[np.arange(len(arm)), np.where(router.score >= threshold, arm, 0)] += 1 - explore
    return target
