"""Fixed choices of an arm per prompt, judged on what happened: always-direct, always-reasoning, a live policy."""

from __future__ import annotations

import numpy as np

from training.evaluation.router_results import RuleResult
from training.metrics.bootstrap import Resampling, percentile_interval
from training.metrics.cost_quality import RealisedOutcomes
from training.types import Array, IntArray


def evaluate_fixed_policy(name: str, outcomes: RealisedOutcomes, arm: IntArray, plan: Resampling) -> RuleResult:
    """Judge a fixed choice of arm (n,) per prompt."""
    rows = np.arange(outcomes.size)
    cost = outcomes.cost_usd
    success, reasons = outcomes.success[rows, arm], (arm != 0).astype(np.float64)
    paid = np.zeros(outcomes.size) if cost is None else cost[rows, arm]

    def figures(w: Array) -> Array:
        total = w.sum(axis=1)
        quality, usd = w @ success / total, w @ paid / total
        line = w @ outcomes.success[:, 0] / total + (w @ reasons / total) * (w @ outcomes.gain / total)
        return np.column_stack([quality, quality - line, usd, usd / np.maximum(quality, 1e-12)])

    exact, draws = figures(np.ones((1, outcomes.size)))[0], plan.apply(figures)
    ranges = [percentile_interval(float(exact[j]), draws[:, j]) for j in range(4)]
    priced = (None, None) if cost is None else (ranges[2], ranges[3])
    return RuleResult(name, float(reasons.mean()), ranges[0], ranges[1], *priced)
