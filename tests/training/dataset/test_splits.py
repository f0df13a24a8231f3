"""Splits by prompt, by task and by time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.support.outcome_frames import ARMS, logged, paired
from training.dataset.dataset import Dataset, build_dataset
from training.dataset.splits import split_by_prompt, split_by_task, split_by_time
from training.errors import BadHistory


def whole(dataset: Dataset) -> list[int]:
    return list(range(len(dataset)))


def test_split_by_prompt_tests_each_prompt_once_and_shares_the_tasks() -> None:
    dataset = build_dataset(paired(100), ARMS)
    splits = split_by_prompt(dataset, 5, np.random.default_rng(3))
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == whole(dataset)
    for split in splits:
        assert sorted([*split.train.tolist(), *split.test.tolist()]) == whole(dataset)
        assert pd.Series(dataset.tasks[split.test]).value_counts().tolist() == [4] * 5
    again = split_by_prompt(dataset, 5, np.random.default_rng(3))
    assert [split.test.tolist() for split in again] == [split.test.tolist() for split in splits]
    other = split_by_prompt(dataset, 5, np.random.default_rng(4))
    assert [split.test.tolist() for split in other] != [split.test.tolist() for split in splits]


def test_split_by_task_never_tests_a_task_it_has_seen() -> None:
    dataset = build_dataset(paired(100), ARMS)
    splits = split_by_task(dataset, 3, np.random.default_rng(0))
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == whole(dataset)
    for split in splits:
        assert len(split.test)
        assert not set(dataset.tasks[split.train]) & set(dataset.tasks[split.test])
    with pytest.raises(BadHistory, match="5 tasks can't make 6 folds"):
        split_by_task(dataset, 6, np.random.default_rng(0))


def test_split_by_time_judges_by_what_came_after() -> None:
    dataset = build_dataset(logged(200), ARMS)
    split = split_by_time(dataset, 0.25)
    assert len(split.test) == 50
    assert dataset.timestamp[split.train].max() < dataset.timestamp[split.test].min()


def test_split_by_time_keeps_equal_times_together() -> None:
    dataset = build_dataset(logged(200).assign(timestamp=lambda f: np.where(f.index < 190, 1.0, 2.0)), ARMS)
    assert len(split_by_time(dataset, 0.5).test) == 10
    with pytest.raises(BadHistory, match="timestamp"):
        split_by_time(build_dataset(paired(60), ARMS))


def test_prompts_without_a_task_are_split_as_one_task() -> None:
    frame = paired(100)
    frame.loc[frame["task"].isin(["t0", "t1"]), "task"] = None
    dataset = build_dataset(frame, ARMS)
    for split in split_by_task(dataset, 4, np.random.default_rng(0)):
        without = np.array([task is None for task in dataset.tasks])
        assert without[split.test].sum() in (0, 40)


def test_the_largest_tasks_are_spread_over_the_folds() -> None:
    frame = paired(100)
    sizes = [split.test.size for split in split_by_task(build_dataset(frame, ARMS), 5, np.random.default_rng(0))]
    assert sizes == [20] * 5


def test_prompts_without_a_time_are_trained_on() -> None:
    frame = logged(200)
    frame.loc[frame.index % 4 == 0, "timestamp"] = np.nan
    dataset = build_dataset(frame, ARMS)
    split = split_by_time(dataset, 0.2)
    assert not np.isnan(dataset.timestamp[split.test]).any()
    assert len(split.test) == 30
    assert len(split.train) == 170
