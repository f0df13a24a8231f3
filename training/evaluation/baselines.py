"""Comparison routers that need no embedding, and the cross-fitting that all of them share.

`cross_fitted` uses the same folds as our model. The constant policies and the oracle need no fitting: see
`router_comparison` and `training.metrics.cost_quality`. Routers on embeddings are in `embedding_baselines`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.metrics import Router
from training.types import Array, IntArray


@dataclass(frozen=True, slots=True)
class RouterSample:
    """Prompts as the comparison routers see them.

    Parameters
    ----------
    embedding
        float (n, D), for example MiniLM; rows need not have length 1.
    success
        float64 (n, K), NaN where that arm was not observed; ignored when scoring.
    tasks
        object (n,) task labels, or None.
    features
        float (n, F) complexity features, or None.
    """

    embedding: Array
    success: Array
    tasks: NDArray[np.object_] | None = None
    features: Array | None = None

    def rows(self, index: IntArray | NDArray[np.bool_]) -> RouterSample:
        """The prompts at `index`."""
        return RouterSample(
            self.embedding[index],
            self.success[index],
            None if self.tasks is None else self.tasks[index],
            None if self.features is None else self.features[index],
        )

    def at_most(self, count: int, seed: int) -> RouterSample:
        """A random `count` of the prompts; all of them if there are no more."""
        n = len(self.success)
        return self if n <= count else self.rows(np.sort(np.random.default_rng(seed).permutation(n)[:count]))


class Scorer(Protocol):
    """A fitted router."""

    def __call__(self, sample: RouterSample) -> Array:
        """Predicted uplift over the baseline, (n, K-1)."""


class Baseline(Protocol):
    """A router that can be fitted."""

    @property
    def name(self) -> str:
        """As it is printed."""

    def fit(self, train: RouterSample) -> Scorer:
        """Learn from `train`, reading nothing else."""


@dataclass(frozen=True, slots=True)
class RandomRate:
    """Routes at random, at any rate: all scores are equal, which gives the random line."""

    name: str = "random"

    def fit(self, train: RouterSample) -> Scorer:
        """Learn nothing."""
        arms = train.success.shape[1]
        return lambda sample: np.zeros((len(sample.success), arms - 1))


@dataclass(frozen=True, slots=True)
class PerTaskAverage:
    """Scores every prompt with the average uplift of its task; an unknown task with the overall average.

    Parameters
    ----------
    prior
        Weight of the overall average in each task's, in prompts.
    """

    name: str = "per-task average"
    prior: float = 1.0

    def fit(self, train: RouterSample) -> Scorer:
        """Average success by task and arm."""
        overall = np.nanmean(train.success, axis=0)
        known = np.isfinite(train.success)
        tasks = _tasks(train)
        means = {}
        for task in sorted(set(tasks.tolist()), key=str):
            of = tasks == task
            sums = np.where(known[of], train.success[of], 0.0).sum(axis=0)
            means[task] = (sums + self.prior * overall) / (known[of].sum(axis=0) + self.prior)

        def score(sample: RouterSample) -> Array:
            return uplift_over_baseline(np.array([means.get(task, overall) for task in _tasks(sample)]))

        return score


def folds(n: int, count: int, seed: int) -> IntArray:
    """Fold number 0..count-1 of each of n prompts, in random order and of equal size."""
    return np.random.default_rng(seed).permutation(np.arange(n, dtype=np.int64) % count)


def cross_fitted(baseline: Baseline, sample: RouterSample, fold: IntArray) -> Router:
    """Scores for every prompt from a router that was fitted on the other folds."""
    uplift = np.full((len(sample.success), sample.success.shape[1] - 1), np.nan)
    for number in np.unique(fold):
        out = fold == number
        hidden = replace(sample.rows(out), success=np.full_like(sample.success[out], np.nan))
        uplift[out] = baseline.fit(sample.rows(~out))(hidden)
    return Router.from_uplift(baseline.name, uplift)


def uplift_over_baseline(success: Array) -> Array:
    """Success per arm (n, K) to uplift over the baseline (n, K-1)."""
    uplift: Array = success[:, 1:] - success[:, :1]
    return uplift


def _tasks(sample: RouterSample) -> NDArray[np.object_]:
    if sample.tasks is None:
        return np.full(len(sample.success), None, dtype=object)
    return sample.tasks
