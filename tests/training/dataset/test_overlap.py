"""Overlap of logged histories: required, measured, and its probabilities unbiased."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.toy_datasets import chances, dataset, toy_rows
from training.dataset.dataset import Dataset
from training.dataset.overlap import NoOverlap, overlap, propensity_floor, require_overlap
from training.dataset.overlap import observation_probability as known
from training.models.targets import doubly_robust_targets


def logged(reason: np.ndarray, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    return dataset(chances(toy_rows(len(reason), rng)), rng, np.column_stack([1 - reason, reason]))


def test_logs_without_chance_are_refused_with_the_way_out() -> None:
    arm = (np.arange(400) % 3 == 0).astype(np.float64)
    with pytest.raises(NoOverlap, match=r"for 0 of 400 logged prompts.* collect paired data .* exploration"):
        require_overlap(logged(arm))


def test_too_little_exploration_is_refused_and_enough_is_taken_however_long_the_logs() -> None:
    with pytest.raises(NoOverlap, match="'low' was drawn"):
        require_overlap(logged(np.full(3000, 0.005)))
    require_overlap(logged(np.full(3000, 0.05)))
    require_overlap(logged(np.full(100_000, 0.007)))  # 700 draws in 100,000 are few, and enough


def test_some_paired_prompts_open_deterministic_logs() -> None:
    data = logged((np.arange(1000) % 3 == 0).astype(np.float64))
    pairs = np.arange(1000) < 60
    outcomes = (np.random.default_rng(1).random((1000, 2)) < 0.6).astype(np.float64)
    success = np.where(pairs[:, None], outcomes, data.success)
    data = replace(
        data,
        success=success,
        runs=(~np.isnan(success)).astype(np.int64),
        propensity=np.where(pairs[:, None], 1.0, data.propensity),
    )
    assert [arm.drawn for arm in overlap(data)] == [0, 0]
    require_overlap(data)
    with pytest.raises(NoOverlap):
        require_overlap(data.subset(np.arange(55, 1000)))


def test_paired_history_needs_no_chance() -> None:
    rng = np.random.default_rng(3)
    data = dataset(chances(toy_rows(50, rng)), rng)
    assert overlap(data) == ()
    require_overlap(data)
    assert np.array_equal(known(data), np.ones((50, 2)))


def test_what_an_arm_is_worth_falls_with_uneven_chances() -> None:
    even, uneven = (overlap(logged(reason))[1] for reason in (np.full(4000, 0.3), np.tile([0.02, 0.58], 2000)))
    assert even.effective_size == pytest.approx(even.drawn)
    assert uneven.effective_size < 0.3 * uneven.drawn
    assert (even.min_propensity, uneven.min_propensity) == (pytest.approx(0.3), pytest.approx(0.02))
    assert even.clipped_share == 0
    few = overlap(logged(np.tile([0.02, 0.58], 200)))[1]  # of 400 prompts, 0.05 is the least that is believed
    assert few.clipped_share > 0
    assert "clipped" in str(few)


def test_repeated_calls_make_an_arm_likelier_to_be_seen() -> None:
    """Prompts logged three times: outcomes stay unbiased only if the chance of seeing an arm counts all three."""
    rng, n, p = np.random.default_rng(7), 60_000, 0.2
    drawn = (rng.random((n, 3)) < p).sum(axis=1)
    runs = np.column_stack([3 - drawn, drawn])
    kept = (runs == 0).any(axis=1)  # the others are paired by luck, and left out here
    runs = runs[kept]
    success = np.where(runs > 0, 0.6, np.nan)
    base = dataset(np.full((len(runs), 2), 0.6), rng)
    data = replace(base, success=success, runs=runs, propensity=np.where(runs > 0, [1 - p, p], np.nan))
    assert np.nanmin(known(data)[:, 1]) == pytest.approx(1 - 0.8**3)
    assert np.nanmax(doubly_robust_targets(data, np.zeros((len(runs), 2)))[:, 1]) == pytest.approx(0.6 / (1 - 0.8**3))


def test_the_least_that_is_believed_falls_with_the_logs() -> None:
    assert propensity_floor(100) == pytest.approx(0.1)
    assert propensity_floor(1_000_000) == pytest.approx(0.001)
