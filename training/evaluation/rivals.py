"""Learns the routers that ours is compared with, on the same folds: all, or the plain ones that take no time."""

from __future__ import annotations

from collections.abc import Callable

from training.evaluation.baselines import RouterSample, cross_fitted
from training.evaluation.embedding_baselines import PLAIN, embedding_routers
from training.metrics.cost_quality import Router
from training.progress import Progress, silent
from training.types import IntArray

Learn = Callable[[RouterSample, IntArray], tuple[Router, ...]]
"""Learns comparison routers on a sample, by its folds."""


def fit_baselines(
    sample: RouterSample, fold: IntArray, embedding_name: str, progress: Progress = silent, *, plain: bool = False
) -> tuple[Router, ...]:
    """Learn every comparison router on the same folds; the plain ones read no embedding, and take no time."""
    baselines, learnt = PLAIN if plain else embedding_routers(embedding_name), []
    for done, baseline in enumerate(baselines):
        progress("comparison routers", done, len(baselines))
        learnt.append(cross_fitted(baseline, sample, fold))
    progress("comparison routers", len(baselines), len(baselines))
    return tuple(learnt)
