"""Fits success per arm and uplift: cross-fitted outcome models, then doubly robust pseudo-outcomes.

On paired prompts the pseudo-outcome is the plain difference of outcomes; on logged ones it is the doubly robust score
of Kennedy (2023, "Towards optimal doubly robust estimation of heterogeneous causal effects") with clipped propensities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from serving.decision import FloatArray
from training.dataset import Dataset
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
    """The fitted heads: K for success (log-odds), K-1 for uplift or none where the learner needs none."""

    success: tuple[TreeHead, ...]
    direct: tuple[TreeHead, ...]

    def uplift(self, x: FloatArray, weight: float) -> Array:
        """Blended score of new design rows, before calibration: float64 (n, K-1)."""
        success = np.column_stack([sigmoid(raw_scores(head, x)) for head in self.success])
        score = weight * (success[:, 1:] - success[:, :1])
        if self.direct:
            score += (1 - weight) * np.column_stack([raw_scores(head, x) for head in self.direct])
        return np.asarray(score, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class CrossFit:
    """Out-of-fold scores of the local prompts, and the pseudo-outcomes computed from them."""

    scores: Scores
    pseudo_outcomes: PseudoOutcomes


@dataclass(frozen=True, slots=True, eq=False)
class _HeldOut:
    """Out-of-fold scores (n, C), and the models of each fold."""

    table: Array
    heads: tuple[tuple[TreeHead, ...], ...]


def cross_fit(
    x: FloatArray, dataset: Dataset, fold: IntArray, trees: TreeSettings, threads: int, progress: Callable[[], None]
) -> Scores:
    """Score every prompt by models that have not seen its fold, with a local trainer.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    fold
        int64 (n,).
    """
    trainer = LocalHeadTrainer(x, dataset, fold, trees, threads)
    return cross_fit_by(trainer, x, fold, len(dataset.arms), progress).scores


def cross_fit_by(
    trainer: HeadTrainer, x: FloatArray, fold: IntArray, arms: int, progress: Callable[[], None]
) -> CrossFit:
    """Score the local prompts by models that have not seen their fold.

    Parameters
    ----------
    x
        float32 (n, P), design rows of the local prompts.
    fold
        int64 (n,).
    arms
        K.
    """
    folds = range(int(fold.max()) + 1)

    def held_out(specs: Sequence[HeadSpec], pseudo_outcomes: PseudoOutcomes | None = None) -> _HeldOut:
        def fit_one(spec: HeadSpec) -> _HeldOut:
            head, test = trainer.head(spec, pseudo_outcomes), fold == spec.held_out
            heads = split_by_arm(head, arms) if spec.kind == "all arms" else (head,)
            return _HeldOut(np.column_stack([raw_scores(one, x[test]) for one in heads]), (heads,))

        parts: list[list[_HeldOut]] = [[] for _ in folds]
        for spec, part in zip(specs, trainer.run_jobs([partial(fit_one, one) for one in specs]), strict=True):
            parts[spec.held_out].append(part)
            progress()
        columns = [np.concatenate([part.table for part in parts[f]], axis=1) for f in folds]
        table = np.empty((len(x), columns[0].shape[1]))
        for f in folds:
            table[fold == f] = columns[f]
        return _HeldOut(table, tuple(tuple(head for part in parts[f] for head in part.heads[0]) for f in folds))

    own = held_out([HeadSpec("success", arm, f, f) for f in folds for arm in range(arms)])
    joint = held_out([HeadSpec("all arms", 0, f, f) for f in folds]) if trainer.has_shared_model else None
    success = sigmoid(own.table)
    scores = Scores(success, success[:, 1:] - success[:, :1], None if joint is None else sigmoid(joint.table))
    pseudo_outcomes = trainer.pseudo_outcomes(scores, OutOfFold(own.heads, None if joint is None else joint.heads))
    direct = held_out([HeadSpec("uplift", arm, f, f) for f in folds for arm in range(1, arms)], pseudo_outcomes)
    return CrossFit(replace(scores, direct=direct.table), pseudo_outcomes)


def fit_heads(
    x: FloatArray,
    dataset: Dataset,
    pseudo_outcomes: Array,
    learner: Learner,
    trees: TreeSettings,
    threads: int,
    progress: Callable[[], None],
) -> LearntHeads:
    """Fit the heads of one learner on all prompts, with a local trainer.

    Parameters
    ----------
    pseudo_outcomes
        float64 (n, K).
    """
    trainer = LocalHeadTrainer(x, dataset, None, trees, threads, stack=learner.outcome != "T")
    return fit_heads_by(trainer, PseudoOutcomes(pseudo_outcomes), learner, len(dataset.arms), progress)


def fit_heads_by(
    trainer: HeadTrainer, pseudo_outcomes: PseudoOutcomes, learner: Learner, arms: int, progress: Callable[[], None]
) -> LearntHeads:
    """Fit the heads of one learner on all prompts of a trainer."""
    own = range(arms) if learner.outcome != "S" else range(0)
    specs = [HeadSpec("success", arm, EVERY, 1000 + arm) for arm in own]
    specs += [HeadSpec("uplift", arm, EVERY, 2000 + arm) for arm in range(1, arms) if learner.weight < 1]
    heads = []
    for head in trainer.run_jobs([partial(trainer.head, spec, pseudo_outcomes) for spec in specs]):
        heads.append(head)
        progress()
    success, direct = tuple(heads[: len(own)]), tuple(heads[len(own) :])
    if learner.outcome != "T":
        shared = split_by_arm(trainer.head(HeadSpec("all arms", 0, EVERY, 3000)), arms)
        success = tuple(averaged(pair) for pair in zip(success, shared, strict=True)) if success else shared
    return LearntHeads(success, direct)


def fit_feature_only_heads(
    x: FloatArray, dataset: Dataset, features: int, trees: TreeSettings, fold: IntArray, threads: int
) -> tuple[Array, tuple[TreeHead, ...]]:
    """Fit success per arm on complexity features alone, for unseen kinds of requests.

    What embeddings tell of task types does not transfer to others; length, nesting and counts of numbers do so better.

    Parameters
    ----------
    features
        Number of complexity features: the last columns of a design row.

    Returns
    -------
    float64 (n, K), P(success | arm) by heads that have not seen the prompt's fold; and the heads fitted on all prompts.
    """
    bare = x.copy()
    bare[:, : -features or None] = 0.0
    small = replace(trees, bags=1, rounds=max(1, trees.rounds // 2))
    trainer = LocalHeadTrainer(bare, dataset, fold, small, threads, stack=False)
    arms = range(len(dataset.arms))
    specs = [HeadSpec("success", arm, f, 4000 + arm) for f in (*range(fold.max() + 1), EVERY) for arm in arms]
    heads = list(trainer.run_jobs([partial(trainer.head, spec) for spec in specs]))
    success = np.empty(dataset.success.shape)
    for f in range(fold.max() + 1):
        test = fold == f
        own = heads[f * len(arms) : (f + 1) * len(arms)]
        success[test] = sigmoid(np.column_stack([raw_scores(head, x[test]) for head in own]))
    return success, tuple(heads[-len(arms) :])


def progress_steps(arms: int, folds: int) -> int:
    """Number of times that `cross_fit` reports progress, at most."""
    return folds * 2 * arms
