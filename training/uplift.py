"""Learns success per arm and uplift: cross-fitted outcome models, doubly robust pseudo-outcomes, a blend by value.

On paired prompts the pseudo-outcome is the plain difference of outcomes; on logged ones it is the doubly robust score
of Kennedy (2023, "Towards optimal doubly robust estimation of heterogeneous causal effects") with clipped propensities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from serving.decision.types import FloatArray
from training.boosting import Binned, Rows, Trees, averaged, raw, sigmoid
from training.dataset import Dataset
from training.learners import Learner, Outcome, Scores
from training.model import Array, TreeHead
from training.overlap import chances

SHARED_AT_MOST = 100_000
"""Calls that the model of all arms learns from: it needs a row for each, and long histories feed one model per arm."""
COPIES = 8
BEST: Outcome = "T+S"
"""Success models that pseudo-outcomes lean on: the nearer they are, the less noise inverse propensities blow up."""
WEIGHT_AT_MOST = 5.0
"""Prompts that one logged call stands for, at most, while models learn."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Heads:
    """The learnt scores: K for success (log-odds), K-1 for uplift or none where the learner needs none."""

    success: tuple[TreeHead, ...]
    direct: tuple[TreeHead, ...]

    def uplift(self, x: FloatArray, weight: float) -> Array:
        """Blended score of new design rows, before calibration: float64 (n, K-1)."""
        chance = np.column_stack([sigmoid(raw(head, x)) for head in self.success])
        score = weight * (chance[:, 1:] - chance[:, :1])
        if self.direct:
            score += (1 - weight) * np.column_stack([raw(head, x) for head in self.direct])
        return np.asarray(score, np.float64)


def pseudo_outcomes(dataset: Dataset, success: Array, at_most: float = np.inf) -> Array:
    """Give the doubly robust outcome of every arm on every prompt.

    Parameters
    ----------
    success
        float64 (n, K), out-of-fold P(success | arm).
    at_most
        Inverse propensities are cut here: less noise, and bias only as far as the success models are wrong.

    Returns
    -------
    float64 (n, K): the observed outcome itself on paired prompts; elsewhere, uncut, unbiased for P(success | arm) given
    right propensities or right outcome models. Differences of columns are uplifts.
    """
    residual = (dataset.success - success) * np.minimum(1.0 / chances(dataset), at_most)
    return np.asarray(success + np.where(dataset.observed, residual, 0.0), np.float64)


def lessons(dataset: Dataset, oof: Scores) -> Array:
    """Give the pseudo-outcomes that uplift is learnt from, chosen by and calibrated on: float64 (n, K)."""
    return pseudo_outcomes(dataset, oof.chance(BEST), WEIGHT_AT_MOST)


def call_weights(dataset: Dataset) -> Array:
    """Give the weight of each arm's call, float64 (n, K): logged calls stand for those that were sent elsewhere.

    The old policy may have known what no text shows; then only 1 / propensity makes an arm's calls speak for all
    prompts. It is cut at `WEIGHT_AT_MOST`: uncut weights cost more in noise than they cure. Mean 1 per arm, 1 on paired
    prompts, 0 where the arm was not called.
    """
    inverse = np.where(dataset.observed, np.minimum(1.0 / chances(dataset), WEIGHT_AT_MOST), 0.0)
    return np.asarray(inverse * dataset.observed.sum(axis=0) / np.maximum(inverse.sum(axis=0), 1e-12), np.float64)


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
    lesson = _Lesson.of(x, dataset, trees, threads)
    folds, arms = range(fold.max() + 1), range(len(dataset.arms))

    def held_out(pupil: Binned, learn: Callable[[int, int], Sequence[TreeHead]], subjects: Sequence[int]) -> Array:
        """One column per head: every fold is scored by heads that were learnt on the others."""
        places = [(f, subject) for f in folds for subject in subjects]

        def scores(f: int, subject: int) -> Array:
            return np.column_stack([raw(head, x[fold == f]) for head in learn(f, subject)])

        parts: dict[int, list[Array]] = {f: [] for f in folds}
        for (f, _), part in zip(places, pupil.side_by_side([partial(scores, *place) for place in places]), strict=True):
            parts[f].append(part)
            progress()
        columns = [np.concatenate(parts[f], axis=1) for f in folds]
        table = np.empty((len(x), columns[0].shape[1]))
        for f in folds:
            table[fold == f] = columns[f]
        return table

    success = sigmoid(held_out(lesson.binned, lambda f, arm: (lesson.success(fold != f, arm, f),), arms))
    shared = None
    if lesson.stacked is not None:
        shared = sigmoid(held_out(lesson.stacked, lambda f, _: lesson.shared(fold != f, f), (0,)))
    known = Scores(success, success[:, 1:] - success[:, :1], shared)
    truth = lessons(dataset, known)
    direct = held_out(lesson.binned, lambda f, arm: (lesson.direct(truth, fold != f, arm, f),), arms[1:])
    return replace(known, direct=direct)


def fit_heads(
    x: FloatArray,
    dataset: Dataset,
    truth: Array,
    learner: Learner,
    trees: Trees,
    threads: int,
    progress: Callable[[], None],
) -> Heads:
    """Learn the heads of one learner on all prompts.

    Parameters
    ----------
    truth
        float64 (n, K), (pseudo-)outcomes.
    """
    lesson = _Lesson.of(x, dataset, trees, threads)
    every, arms = np.ones(len(dataset), np.bool_), range(len(dataset.arms))
    own = arms if learner.outcome != "S" else range(0)
    jobs = [partial(lesson.success, every, arm, 1000 + arm) for arm in own]
    jobs += [partial(lesson.direct, truth, every, arm, 2000 + arm) for arm in arms[1:] if learner.weight < 1]
    heads = []
    for head in lesson.binned.side_by_side(jobs):
        heads.append(head)
        progress()
    success, direct = tuple(heads[: len(own)]), tuple(heads[len(own) :])
    if learner.outcome != "T":
        shared = lesson.shared(every, 3000)
        success = tuple(averaged(pair) for pair in zip(success, shared, strict=True)) if success else shared
    return Heads(success, direct)


def elsewhere(
    x: FloatArray, dataset: Dataset, features: int, trees: Trees, fold: Rows, threads: int
) -> tuple[Array, tuple[TreeHead, ...]]:
    """Learn success per arm from complexity features alone, for kinds of requests that were never seen.

    What an embedding says of task types does not carry over to others; how long, nested or full of numbers a prompt
    is, does so better.

    Parameters
    ----------
    features
        Number of complexity features: the last columns of a design row.

    Returns
    -------
    float64 (n, K), P(success | arm) by heads that have not seen the prompt's fold; and the heads learnt on all.
    """
    bare = x.copy()
    bare[:, : -features or None] = 0.0
    lesson = _Lesson.of(bare, dataset, replace(trees, bags=1, rounds=max(1, trees.rounds // 2)), threads, stack=False)
    parts = [*(fold != f for f in range(fold.max() + 1)), np.ones(len(fold), np.bool_)]
    arms = range(len(dataset.arms))
    jobs = [partial(lesson.success, part, arm, 4000 + arm) for part in parts for arm in arms]
    heads = list(lesson.binned.side_by_side(jobs))
    chance = np.empty(dataset.success.shape)
    for f in range(fold.max() + 1):
        test = fold == f
        own = heads[f * len(arms) : (f + 1) * len(arms)]
        chance[test] = sigmoid(np.column_stack([raw(head, x[test]) for head in own]))
    return chance, tuple(heads[-len(arms) :])


def steps(arms: int, folds: int) -> int:
    """Number of times that `cross_fit` reports progress, at most."""
    return folds * 2 * arms


@dataclass(frozen=True, slots=True)
class _Lesson:
    """Binned rows, and how each kind of head is learnt from a part of the prompts (`of`, bool (n,)).

    Parameters
    ----------
    stacked
        One row per prompt and observed arm, its arm in the last columns; None on longer histories.
    prompt, arm
        int64 (m,), of the stacked rows.
    """

    dataset: Dataset
    binned: Binned
    weight: Array
    stacked: Binned | None
    prompt: Rows
    arm: Rows

    @staticmethod
    def of(x: FloatArray, dataset: Dataset, trees: Trees, threads: int, *, stack: bool = True) -> _Lesson:
        weight, stacked = np.sqrt(dataset.runs.astype(np.float64)) * call_weights(dataset), None
        prompt, arm = np.nonzero(dataset.observed)
        if stack and len(prompt) <= SHARED_AT_MOST:
            marks = np.asarray([_tail(place, len(dataset.arms)) for place in range(len(dataset.arms))], np.float32)
            rows = np.column_stack([x[prompt], marks[arm]])
            stacked = Binned(rows, replace(trees, leaves=2 * trees.leaves, bags=1), threads)
        return _Lesson(dataset, Binned(x, trees, threads), weight, stacked, prompt, arm)

    def success(self, of: Mask, arm: int, seed: int) -> TreeHead:
        """Log-odds of success of one arm, learnt from its own calls."""
        rows = np.flatnonzero(of & self.dataset.observed[:, arm])
        weight = self.weight[:, arm]
        return self.binned.head(self.dataset.success[:, arm], rows, "cross_entropy", weight=weight, seed=seed)

    def direct(self, truth: Array, of: Mask, arm: int, seed: int) -> TreeHead:
        """Uplift of one arm, learnt from (pseudo-)differences."""
        runs = self.dataset.runs[:, [0, arm]].astype(np.float64)
        # Variance of a paired difference falls with the runs of both arms; of a logged one with the runs there are.
        weight = np.sqrt(np.where(self.dataset.paired, runs.min(axis=1), np.maximum(runs.max(axis=1), 1.0)))
        gain = truth[:, arm] - truth[:, 0]
        return self.binned.head(gain, np.flatnonzero(of), "regression", weight=weight, seed=seed)

    def shared(self, of: Mask, seed: int) -> tuple[TreeHead, ...]:
        """Log-odds of success of every arm, learnt from all calls at once."""
        assert self.stacked is not None
        y, weight = self.dataset.success[self.prompt, self.arm], self.weight[self.prompt, self.arm]
        rows = np.flatnonzero(of[self.prompt])
        head = self.stacked.head(y, rows, "cross_entropy", weight=weight, seed=seed)
        arms = len(self.dataset.arms)
        return tuple(replace(head, tails=(_tail(arm, arms),) * len(head.boosters)) for arm in range(arms))


def _tail(arm: int, arms: int) -> tuple[float, ...]:
    """Give the columns that tell a shared model its arm, many times over: a tree sees a small draw of all columns."""
    return tuple(float(arm == other) for other in range(1, arms)) * COPIES
