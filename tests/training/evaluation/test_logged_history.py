"""Losses read off logs: right on average whatever the model, bounded, and pessimistic where chance had no say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fitted_histories import FittedHistory, fitted_history
from tests.support.toy_datasets import chances, dataset, toy_rows
from training.dataset.dataset import Dataset
from training.evaluation.logged_history import LARGEST_WEIGHT, logged_losses, logged_values
from training.types import Array

N = 400
X = toy_rows(N, np.random.default_rng(1))
TRUTH = chances(X)
PAIRED = dataset(TRUTH, np.random.default_rng(2))


def logged(success: Array, reason: Array, rng: np.random.Generator, calls: int = 1) -> Dataset:
    """Draw an arm for every call; a prompt keeps what its calls showed."""
    arm = rng.random((calls, len(success))) < reason
    runs = np.column_stack([(~arm).sum(axis=0), arm.sum(axis=0)])
    seen = runs > 0
    won = rng.binomial(np.maximum(runs, 1), success) / np.maximum(runs, 1)
    chance = np.where(seen.all(axis=1, keepdims=True), 1.0, np.column_stack([1 - reason, reason]))
    return replace(
        PAIRED,
        success=np.where(seen, won, np.nan),
        runs=runs.astype(np.int64),
        propensity=np.where(seen, chance, np.nan),
    )


@pytest.mark.parametrize("calls", [1, 3])
def test_losses_are_right_on_average_for_every_prompt_though_the_model_is_wrong(calls: int) -> None:
    rng = np.random.default_rng(3)
    reason = np.clip(0.5 + 0.4 * np.tanh(X[:, 0].astype(np.float64)), 0.1, 0.9)
    wrong = rng.random(TRUTH.shape)
    reason = np.clip(reason, 0.3, 0.7) if calls > 1 else reason
    draws = np.stack([logged_losses(logged(TRUTH, reason, rng, calls), wrong).loss for _ in range(1500)])
    error = (draws.mean(axis=0) - (TRUTH[:, 1] - TRUTH[:, 0])) / (draws.std(axis=0) / np.sqrt(len(draws)))
    assert abs(error.mean()) < 4 / np.sqrt(N)
    assert abs(error.std() - 1) < 0.15


def test_realised_differences_count_where_a_prompt_is_paired() -> None:
    losses = logged_losses(PAIRED, np.full(TRUTH.shape, 0.5))
    assert np.array_equal(losses.loss, PAIRED.success[:, 1] - PAIRED.success[:, 0])
    assert losses.unknown_share == 0


def test_where_an_arm_was_all_but_sure_the_largest_loss_counts() -> None:
    reason = np.where(np.arange(N) < 100, 0.97, 0.5)
    losses = logged_losses(logged(TRUTH, reason, np.random.default_rng(4)), TRUTH)
    assert (losses.loss[:100] == 1).all()
    assert losses.unknown_share == pytest.approx(0.25)


@given(st.integers(0, 2**32 - 1))
def test_no_loss_leaves_its_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    losses = logged_losses(logged(rng.random(TRUTH.shape).round(), rng.random(N), rng), rng.random(TRUTH.shape).round())
    assert losses.bounds.high == LARGEST_WEIGHT
    assert (losses.loss >= losses.bounds.low).all()
    assert (losses.loss <= losses.bounds.high).all()


@pytest.fixture(scope="module")
def history() -> FittedHistory:
    return fitted_history(logged=True)


def test_a_policy_that_the_log_never_tried_is_named_not_valued(history: FittedHistory) -> None:
    never = replace(history.data, propensity=np.where(history.data.observed, 1.0, np.nan))
    found = logged_values(never, history.fitted.oof_success, {"always reasoning": np.ones(len(history.data), np.int64)})
    assert found.policies == ()
    assert "always reasoning" in found.notes[0]
    few = history.data.subset(np.arange(10))
    assert logged_values(few, history.fitted.oof_success[:10], {}).policies == ()
