"""Leave-task-types-out evaluation: scores of prompts by models that never saw their task type.

Models are trained from scratch without those task types, with the settings of the real ones, and every comparison
router is fitted on the same folds. Support is evaluated in the same way: by how well it separates those prompts from
held-out prompts of known task types.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.decision import FloatArray
from serving.decision.features import FEATURE_NAMES
from training.dataset import Dataset, split_by_task
from training.models import (
    FitSettings,
    Learner,
    cross_fit,
    fit_components,
    fit_feature_only_heads,
    fit_support,
    support_of,
)
from training.progress import Progress, silent
from training.types import Array, IntArray

FOLDS = 3
"""Folds of task types."""
MINIMUM_TASKS = 6
"""Fewer task types than this are too few to leave some out and still know others."""
AT_MOST = 6000
"""Prompts used; a random part of longer histories, so that it takes seconds, not hours."""
_HELD = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class LeftOutScores:
    """Scores of m prompts by models that have not seen their task type.

    Parameters
    ----------
    rows
        int64 (m,), places of the prompts in the data set.
    fold
        int64 (m,), the fold in which a prompt's task type was left out.
    score
        float64 (m, K-1), blended uplift.
    support
        float64 (m,), by a support head that has not seen the task type.
    seen_support
        float64 (h,), of held-out prompts whose task types these heads do know.
    """

    rows: IntArray
    fold: IntArray
    score: Array
    support: Array
    seen_support: Array


def leave_tasks_out(
    dataset: Dataset, x: FloatArray, learner: Learner, settings: FitSettings, progress: Progress = silent
) -> LeftOutScores | None:
    """Leave task types out in turn; None where fewer than `MINIMUM_TASKS` are labelled.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    learner
        The chosen blend.
    """
    rng = np.random.default_rng(settings.seed)
    labelled = np.flatnonzero([task is not None for task in dataset.tasks])
    if len({str(task) for task in dataset.tasks[labelled]}) < MINIMUM_TASKS:
        return None
    rows = np.sort(rng.permutation(labelled)[:AT_MOST])
    part, known = dataset.subset(rows), x[rows]
    fold = np.empty(len(rows), np.int64)
    for f, split in enumerate(split_by_task(part, FOLDS, rng)):
        fold[split.test] = f
    done, total = 0, FOLDS * (2 * len(dataset.arms) - 1) + 2 * FOLDS

    def step() -> None:
        nonlocal done
        done += 1
        progress("unseen task types", done, total)

    progress("unseen task types", 0, total)
    trees = settings.tree_sizes(len(dataset))[learner.tree_size]
    scores = cross_fit(known, part, fold, trees, settings.threads, step)
    feature_only, _ = fit_feature_only_heads(known, part, len(FEATURE_NAMES), settings.trees, fold, settings.threads)
    support, seen = np.empty(len(rows)), []
    for f in range(FOLDS):
        unseen = fold == f
        held = ~unseen & (rng.random(len(rows)) < _HELD)
        near, far = _supports(known, part.tasks, ~unseen & ~held, (held, unseen), rng)
        support[unseen] = far
        seen.append(near)
        step()
    return LeftOutScores(
        rows,
        fold,
        scores.weigh_by_support(learner.outcome, support, feature_only).blend(learner),
        support,
        np.concatenate(seen),
    )


def _supports(
    x: FloatArray,
    tasks: NDArray[np.object_],
    train: NDArray[np.bool_],
    evaluated: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    head = fit_support(fit_components(x[train], rng), x[train], tasks[train], rng)
    first, second = (support_of(head, x[rows]) for rows in evaluated)
    return first, second
