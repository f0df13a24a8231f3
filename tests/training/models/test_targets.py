"""Targets of heads: rows, values and weights on paired and on logged prompts, whole and by partition."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.toy_datasets import chances, dataset, toy_rows
from training.models.targets import (
    COPIES,
    EVERY,
    WEIGHT_AT_MOST,
    GlobalCounts,
    HeadSpec,
    arm_columns,
    call_weights,
    doubly_robust_targets,
    head_target,
    stacked_rows,
)


def test_pseudo_outcomes_of_paired_prompts_are_the_outcomes() -> None:
    rng = np.random.default_rng(3)
    data = dataset(chances(toy_rows(50, rng)), rng)
    assert np.array_equal(doubly_robust_targets(data, np.full((50, 2), 0.4)), data.success)


def test_a_rarely_drawn_arm_speaks_for_the_prompts_that_went_elsewhere() -> None:
    rng = np.random.default_rng(8)
    reason = np.where(np.arange(2000) % 2 == 0, 0.1, 0.5)
    data = dataset(chances(toy_rows(2000, rng)), rng, np.column_stack([1 - reason, reason]))
    weight = call_weights(data)
    seen = data.observed[:, 1]
    assert weight[seen, 1].mean() == pytest.approx(1)
    assert np.unique(weight[seen & (reason == 0.1), 1]) / np.unique(weight[seen & (reason == 0.5), 1]) == pytest.approx(
        WEIGHT_AT_MOST / 2  # not 5 = 0.5 / 0.1: the weight of ten is cut
    )
    assert not weight[~seen, 1].any()
    paired = dataset(chances(toy_rows(50, rng)), rng)
    assert np.array_equal(call_weights(paired), np.ones((50, 2)))


def test_success_is_learnt_from_the_arms_own_calls_outside_the_fold() -> None:
    rng = np.random.default_rng(4)
    half = np.full((60, 1), 0.5)
    data = dataset(chances(toy_rows(60, rng)), rng, np.column_stack([half, half]))
    fold = np.arange(60) % 3
    target = head_target(HeadSpec("success", 1, 2, 0), data, fold)
    assert target.objective == "cross_entropy"
    assert target.rows.tolist() == [row for row in range(60) if fold[row] != 2 and data.observed[row, 1]]


def test_uplift_of_paired_prompts_is_the_difference_with_weight_by_runs() -> None:
    rng = np.random.default_rng(5)
    data = dataset(chances(toy_rows(40, rng), 3), rng)
    target = head_target(HeadSpec("uplift", 2, EVERY, 0), data, np.zeros(40, np.int64), None, data.success)
    assert np.array_equal(target.y, data.success[:, 2] - data.success[:, 0])
    assert np.array_equal(target.weight, np.ones(40))
    assert len(target.rows) == 40


def test_counts_of_partitions_add_up_to_those_of_the_whole() -> None:
    rng = np.random.default_rng(6)
    reason = np.full((90, 1), 0.3)
    data = dataset(chances(toy_rows(90, rng)), rng, np.column_stack([1 - reason, reason]))
    logged = int((~data.paired).sum())
    whole = GlobalCounts.of(data, logged)
    parts = [GlobalCounts.of(data.subset(rows), logged) for rows in np.array_split(np.arange(90), 4)]
    assert np.array_equal(sum(part.calls for part in parts), whole.calls)
    assert np.allclose(sum(part.inverse for part in parts), whole.inverse)
    weights = np.concatenate([call_weights(data.subset(rows), whole) for rows in np.array_split(np.arange(90), 4)])
    assert np.allclose(weights, call_weights(data, whole))


def test_the_shared_model_reads_its_arm_from_the_last_columns() -> None:
    rng = np.random.default_rng(7)
    x = toy_rows(10, rng)
    rows = stacked_rows(x, dataset(chances(x, 3), rng))
    assert rows.shape == (30, x.shape[1] + 2 * COPIES)
    assert np.array_equal(rows[4, -2 * COPIES :], np.asarray(arm_columns(1, 3), np.float32))
    assert arm_columns(0, 3) == (0.0,) * 2 * COPIES
