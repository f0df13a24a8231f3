"""Learns success per arm and uplift: cross-fitted outcome models, doubly robust pseudo-outcomes, a blend by value.

On paired prompts the pseudo-outcome is the plain difference of outcomes; on logged ones it is the doubly robust score
of Kennedy (2023, "Towards optimal doubly robust estimation of heterogeneous causal effects") with clipped propensities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from serving.decision.types import FloatArray
from training.boosting import Binned, Rows, Trees, raw, sigmoid
from training.dataset import Dataset
from training.errors import TooLittleToLearn
from training.model import Array, TreeHead

CLIP = 0.02
"""Smallest propensity that is believed; smaller ones are clipped."""
MINIMUM_OVERLAP = 0.02
"""Share of logged prompts that must have had a real chance of each arm."""


class NoOverlap(TooLittleToLearn):
    """The logs were made by rules without chance: what the other arm would have done can't be learnt from them."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Out-of-fold or new scores of n prompts.

    Parameters
    ----------
    success
        float64 (n, K), P(success | arm) before calibration.
    direct
        float64 (n, K-1), uplift learnt directly.
    """

    success: Array
    direct: Array

    def blend(self, weight: float) -> Array:
        """Mix the difference of the success models with the direct uplift: float64 (n, K-1)."""
        return weight * (self.success[:, 1:] - self.success[:, :1]) + (1 - weight) * self.direct


@dataclass(frozen=True, slots=True)
class Heads:
    """The learnt scores: K for success (log-odds), K-1 for uplift."""

    success: tuple[TreeHead, ...]
    direct: tuple[TreeHead, ...]


@dataclass(frozen=True, slots=True)
class Learner:
    """One candidate: how much the difference of success models counts beside the direct uplift, and its value."""

    name: str
    weight: float
    value: float


def require_overlap(dataset: Dataset) -> None:
    """Refuse logs from which no uplift can be learnt.

    Raises
    ------
    NoOverlap
        Unpaired prompts whose propensities are all 1: a deterministic policy chose the arm.
    """
    logged = ~dataset.paired
    if dataset.paired.sum() >= 0.5 * len(dataset):
        return
    chances = np.where(dataset.observed, dataset.propensity, np.nan)[logged]
    by_chance = np.nanmin(chances, axis=1) < 1.0 - 1e-9
    for place, arm in enumerate(dataset.arms):
        drawn = by_chance & dataset.observed[logged][:, place]
        if drawn.sum() < max(10.0, MINIMUM_OVERLAP * logged.sum()):
            raise NoOverlap(
                f"no overlap: '{arm.name}' was drawn by chance for {int(drawn.sum())} of {int(logged.sum())} logged "
                "prompts, so nothing tells what it would have done elsewhere: collect paired data (thinkgate collect), "
                "or switch exploration on in policy.toml and record propensities"
            )


def pseudo_outcomes(dataset: Dataset, success: Array) -> Array:
    """Give the doubly robust outcome of every arm on every prompt.

    Parameters
    ----------
    success
        float64 (n, K), out-of-fold P(success | arm).

    Returns
    -------
    float64 (n, K): the observed outcome itself on paired prompts; elsewhere unbiased for P(success | arm) given right
    propensities or right outcome models. Differences of columns are uplifts.
    """
    chance = np.clip(np.where(dataset.paired[:, None], 1.0, dataset.propensity), CLIP, 1.0)
    residual = np.where(dataset.observed, (dataset.success - success) / chance, 0.0)
    return np.asarray(success + residual, np.float64)


def cross_fit(
    x: FloatArray, dataset: Dataset, fold: Rows, trees: Trees, threads: int, progress: Callable[[], None]
) -> Scores:
    """Score every prompt by models that have not seen it.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    fold
        int64 (n,).
    """
    n, arms = dataset.success.shape
    success, direct = np.zeros((n, arms)), np.zeros((n, arms - 1))
    weight = np.sqrt(dataset.runs.astype(np.float64))
    binned = Binned(x, trees, threads)
    places = [(f, arm) for f in range(fold.max() + 1) for arm in range(arms)]

    def chance(f: int, arm: int) -> Array:
        rows = np.flatnonzero((fold != f) & dataset.observed[:, arm])
        head = binned.head(dataset.success[:, arm], rows, "cross_entropy", weight=weight[:, arm], seed=f)
        return sigmoid(raw(head, x[fold == f]))

    for (f, arm), column in zip(
        places, binned.side_by_side([partial(chance, *place) for place in places]), strict=True
    ):
        success[fold == f, arm] = column
        progress()
    truth = pseudo_outcomes(dataset, success)
    places = [(f, arm) for f, arm in places if arm]

    def gain(f: int, arm: int) -> Array:
        return raw(_direct(binned, dataset, truth, np.flatnonzero(fold != f), arm, f), x[fold == f])

    jobs = [partial(gain, *place) for place in places]
    for (f, arm), column in zip(places, binned.side_by_side(jobs), strict=True):
        direct[fold == f, arm - 1] = column
        progress()
    return Scores(success, direct)


def fit_heads(
    x: FloatArray, dataset: Dataset, oof: Scores, trees: Trees, threads: int, progress: Callable[[], None]
) -> Heads:
    """Learn the heads on all prompts; pseudo-outcomes come from the out-of-fold scores."""
    binned = Binned(x, trees, threads)
    weight = np.sqrt(dataset.runs.astype(np.float64))
    truth = pseudo_outcomes(dataset, oof.success)
    jobs: list[Callable[[], TreeHead]] = []
    for arm in range(len(dataset.arms)):
        rows, chances = np.flatnonzero(dataset.observed[:, arm]), dataset.success[:, arm]
        seed = 1000 + arm
        jobs.append(partial(binned.head, chances, rows, "cross_entropy", weight=weight[:, arm], seed=seed))
    every = np.arange(len(dataset))
    jobs += [partial(_direct, binned, dataset, truth, every, arm, 2000 + arm) for arm in range(1, len(dataset.arms))]
    heads = []
    for head in binned.side_by_side(jobs):
        heads.append(head)
        progress()
    return Heads(tuple(heads[: len(dataset.arms)]), tuple(heads[len(dataset.arms) :]))


def choose(oof: Scores, truth: Array) -> tuple[Learner, ...]:
    """Rank the candidates by cross-validated policy value, the best first.

    Parameters
    ----------
    truth
        float64 (n, K), pseudo-outcomes.
    """
    candidates = (("T", 1.0), ("DR", 0.0), ("blend", 0.5))
    learners = [Learner(name, weight, policy_area(oof.blend(weight), truth)) for name, weight in candidates]
    return tuple(sorted(learners, key=lambda learner: -learner.value))


def policy_area(score: Array, truth: Array) -> float:
    """Mean success gained over random routing, averaged over all shares of requests that reason.

    Each request takes the non-baseline arm with its highest score; requests enter by that score. Ties share alike.

    Examples
    --------
    >>> truth = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> policy_area(np.array([[0.9], [0.1]]), truth) > 0 > policy_area(np.array([[0.1], [0.9]]), truth)
    True
    """
    best = score.argmax(axis=1)
    rows = np.arange(len(score))
    gain = truth[rows, best + 1] - truth[:, 0]
    levels, group = np.unique(-score[rows, best], return_inverse=True)
    sums = np.bincount(group, gain, len(levels))
    share = np.cumsum(np.bincount(group, minlength=len(levels))) / len(gain)
    curve = np.cumsum(sums) / len(gain)
    x, y = np.append(0.0, share), np.append(0.0, curve)
    return float(np.trapezoid(y, x) - 0.5 * y[-1])


def _direct(binned: Binned, dataset: Dataset, truth: Array, rows: Rows, arm: int, seed: int) -> TreeHead:
    runs = dataset.runs[:, [0, arm]].astype(np.float64)
    # Variance of a paired difference falls with the runs of both arms; of a logged one with the runs there are.
    weight = np.sqrt(np.where(dataset.paired, runs.min(axis=1), np.maximum(runs.max(axis=1), 1.0)))
    return binned.head(truth[:, arm] - truth[:, 0], rows, "regression", weight=weight, seed=seed)
