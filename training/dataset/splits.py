"""Train/test splits of a dataset: by prompt, by task and by time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.dataset.dataset import Dataset
from training.errors import BadHistory
from training.types import IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows of the training and of the test prompts, int64; both ascending and disjoint."""

    train: IntArray
    test: IntArray


def split_by_prompt(dataset: Dataset, folds: int, rng: np.random.Generator) -> tuple[Split, ...]:
    """Split prompts into random folds stratified by task; each prompt is tested once."""
    order = rng.permutation(len(dataset))
    tasks = pd.factorize(dataset.tasks[order], use_na_sentinel=False)[0]
    fold = np.empty(len(dataset), np.int64)
    fold[order[np.argsort(tasks, kind="stable")]] = np.arange(len(dataset)) % folds
    return _splits(fold, folds)


def split_by_task(dataset: Dataset, folds: int, rng: np.random.Generator) -> tuple[Split, ...]:
    """Split tasks into random folds (group k-fold), so that a tested task is never trained on.

    Prompts without a task count as one task.

    Raises
    ------
    BadHistory
        If there are fewer tasks than folds.
    """
    tasks, names = pd.factorize(dataset.tasks, use_na_sentinel=False)
    if len(names) < folds:
        raise BadHistory(f"{len(names)} tasks can't make {folds} folds: ask for fewer, or label the prompts' `task`")
    order = rng.permutation(len(names))
    sizes = np.bincount(tasks)
    fold_of_task, load = np.empty(len(names), np.int64), np.zeros(folds)
    for task in order[np.argsort(-sizes[order], kind="stable")]:  # largest first into the emptiest fold
        fold_of_task[task] = load.argmin()
        load[fold_of_task[task]] += sizes[task]
    return _splits(fold_of_task[tasks], folds)


def split_by_time(dataset: Dataset, test_share: float = 0.2) -> Split:
    """Train on the past, test on what came after; equal times stay together, prompts without a time are trained on.

    Raises
    ------
    BadHistory
        If there are not two different timestamps.
    """
    times = np.sort(dataset.timestamp[~np.isnan(dataset.timestamp)])
    if not len(times) or times[0] == times[-1]:
        raise BadHistory("no split by time without two different timestamps: fill the column `timestamp`")
    cut = max(times[min(int(len(times) * (1 - test_share)), len(times) - 1)], times[times > times[0]][0])
    late = dataset.timestamp >= cut
    return Split(np.flatnonzero(~late), np.flatnonzero(late))


def _splits(fold: IntArray, folds: int) -> tuple[Split, ...]:
    return tuple(Split(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(folds))
