"""Learns success per arm and uplift: cross-fitted outcome models, doubly robust pseudo-outcomes, a blend by value.

On paired prompts the pseudo-outcome is the plain difference of outcomes; on logged ones it is the doubly robust score
of Kennedy (2023, "Towards optimal doubly robust estimation of heterogeneous causal effects") with clipped propensities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from serving.decision.types import FloatArray
from training.dataset.dataset import Dataset
from training.models.boosting import TreeSettings, averaged, raw_scores, sigmoid
from training.models.fitted_model import TreeHead
from training.models.local_trainer import LocalHeadTrainer
from training.models.meta_learners import Learner, Scores
from training.models.targets import (
    EVERY,
    HeadSpec,
    HeadTrainer,
    OutOfFold,
    PseudoOutcomes,
    split_by_arm,
)
from training.types import Array, IntArray


@dataclass(frozen=True, slots=True)
class LearntHeads:
    """The learnt scores: K for success (log-odds), K-1 for uplift or none where the learner needs none."""

    success: tuple[TreeHead, ...]
    direct: tuple[TreeHead, ...]

    def uplift(self, x: FloatArray, weight: float) -> Array:
        """Blended score of new design rows, before calibration: float64 (n, K-1)."""
        chance = np.column_stack([sigmoid(raw_scores(head, x)) for head in self.success])
        score = weight * (chance[:, 1:] - chance[:, :1])
        if self.direct:
            score += (1 - weight) * np.column_stack([raw_scores(head, x) for head in self.direct])
        return np.asarray(score, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class CrossFit:
    """Out-of-fold scores of the prompts at hand, and the pseudo-outcomes that came of them."""

    scores: Scores
    truth: PseudoOutcomes


@dataclass(frozen=True, slots=True, eq=False)
class _HeldOut:
    """Columns (n, C) of scores by models that have not seen the prompt, and the models of each fold."""

    table: Array
    heads: tuple[tuple[TreeHead, ...], ...]


def cross_fit(
    x: FloatArray, dataset: Dataset, fold: IntArray, trees: TreeSettings, threads: int, progress: Callable[[], None]
) -> Scores:
    """Score every prompt by models that have not seen it, on this machine.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    fold
        int64 (n,).
    """
    lesson = LocalHeadTrainer(x, dataset, fold, trees, threads)
    return cross_fit_by(lesson, x, fold, len(dataset.arms), progress).scores


def cross_fit_by(
    lesson: HeadTrainer, x: FloatArray, fold: IntArray, arms: int, progress: Callable[[], None]
) -> CrossFit:
    """Score the prompts at hand by models that have not seen their fold.

    Parameters
    ----------
    x
        float32 (n, P), design rows of the prompts at hand.
    fold
        int64 (n,), theirs.
    arms
        K.
    """
    folds = range(int(fold.max()) + 1)

    def held_out(subjects: Sequence[HeadSpec], truth: PseudoOutcomes | None = None) -> _HeldOut:
        def learn(subject: HeadSpec) -> _HeldOut:
            head, test = lesson.head(subject, truth), fold == subject.but
            heads = split_by_arm(head, arms) if subject.kind == "all arms" else (head,)
            return _HeldOut(np.column_stack([raw_scores(one, x[test]) for one in heads]), (heads,))

        parts: list[list[_HeldOut]] = [[] for _ in folds]
        for subject, part in zip(subjects, lesson.side_by_side([partial(learn, one) for one in subjects]), strict=True):
            parts[subject.but].append(part)
            progress()
        columns = [np.concatenate([part.table for part in parts[f]], axis=1) for f in folds]
        table = np.empty((len(x), columns[0].shape[1]))
        for f in folds:
            table[fold == f] = columns[f]
        return _HeldOut(table, tuple(tuple(head for part in parts[f] for head in part.heads[0]) for f in folds))

    own = held_out([HeadSpec("success", arm, f, f) for f in folds for arm in range(arms)])
    joint = held_out([HeadSpec("all arms", 0, f, f) for f in folds]) if lesson.shares else None
    success = sigmoid(own.table)
    known = Scores(success, success[:, 1:] - success[:, :1], None if joint is None else sigmoid(joint.table))
    truth = lesson.pseudo_outcomes(known, OutOfFold(own.heads, None if joint is None else joint.heads))
    direct = held_out([HeadSpec("uplift", arm, f, f) for f in folds for arm in range(1, arms)], truth)
    return CrossFit(replace(known, direct=direct.table), truth)


def fit_heads(
    x: FloatArray,
    dataset: Dataset,
    truth: Array,
    learner: Learner,
    trees: TreeSettings,
    threads: int,
    progress: Callable[[], None],
) -> LearntHeads:
    """Learn the heads of one learner on all prompts, on this machine.

    Parameters
    ----------
    truth
        float64 (n, K), (pseudo-)outcomes.
    """
    lesson = LocalHeadTrainer(x, dataset, None, trees, threads, stack=learner.outcome != "T")
    return fit_heads_by(lesson, PseudoOutcomes(truth), learner, len(dataset.arms), progress)


def fit_heads_by(
    lesson: HeadTrainer, truth: PseudoOutcomes, learner: Learner, arms: int, progress: Callable[[], None]
) -> LearntHeads:
    """Learn the heads of one learner on all prompts that the lesson has."""
    own = range(arms) if learner.outcome != "S" else range(0)
    subjects = [HeadSpec("success", arm, EVERY, 1000 + arm) for arm in own]
    subjects += [HeadSpec("uplift", arm, EVERY, 2000 + arm) for arm in range(1, arms) if learner.weight < 1]
    heads = []
    for head in lesson.side_by_side([partial(lesson.head, subject, truth) for subject in subjects]):
        heads.append(head)
        progress()
    success, direct = tuple(heads[: len(own)]), tuple(heads[len(own) :])
    if learner.outcome != "T":
        shared = split_by_arm(lesson.head(HeadSpec("all arms", 0, EVERY, 3000)), arms)
        success = tuple(averaged(pair) for pair in zip(success, shared, strict=True)) if success else shared
    return LearntHeads(success, direct)


def fit_feature_only_heads(
    x: FloatArray, dataset: Dataset, features: int, trees: TreeSettings, fold: IntArray, threads: int
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
    small = replace(trees, bags=1, rounds=max(1, trees.rounds // 2))
    lesson = LocalHeadTrainer(bare, dataset, fold, small, threads, stack=False)
    arms = range(len(dataset.arms))
    subjects = [HeadSpec("success", arm, f, 4000 + arm) for f in (*range(fold.max() + 1), EVERY) for arm in arms]
    heads = list(lesson.side_by_side([partial(lesson.head, subject) for subject in subjects]))
    chance = np.empty(dataset.success.shape)
    for f in range(fold.max() + 1):
        test = fold == f
        own = heads[f * len(arms) : (f + 1) * len(arms)]
        chance[test] = sigmoid(np.column_stack([raw_scores(head, x[test]) for head in own]))
    return chance, tuple(heads[-len(arms) :])


def progress_steps(arms: int, folds: int) -> int:
    """Number of times that `cross_fit` reports progress, at most."""
    return folds * 2 * arms
