"""Uplift from paired and from confounded logged history, against a known truth."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.toy_datasets import chances, dataset, toy_rows
from training.dataset.dataset import Dataset
from training.dataset.overlap import require_overlap
from training.export.tree_ensemble import pack_trees
from training.models.boosting import TreeSettings, folds_of, raw_scores
from training.models.meta_learners import Learner, Scores, policy_area, rank_learners
from training.models.targets import doubly_robust_targets
from training.models.uplift import cross_fit, fit_feature_only_heads, fit_heads

SMALL = TreeSettings(rounds=60, leaves=7, bags=1, learning_rate=0.1, feature_fraction=0.8, min_rows=10)


def scores(x: np.ndarray, data: Dataset) -> Scores:
    fold = folds_of(data.tasks, 3, np.random.default_rng(0))
    return cross_fit(x, data, fold, SMALL, 1, lambda: None)


@pytest.mark.parametrize("arms", [2, 3])
def test_paired_history_ranks_by_true_uplift(arms: int) -> None:
    rng = np.random.default_rng(1)
    x = toy_rows(2500, rng)
    truth = chances(x, arms)
    data = dataset(truth, rng)
    found = scores(x, data)
    learners = rank_learners((found,), doubly_robust_targets(data, found.success))
    assert {"T", "S", "DR"} < {learner.name for learner in learners}
    assert learners[0].value == max(learner.value for learner in learners)
    gained = policy_area(found.blend(learners[0]), truth)
    assert gained > 0.8 * policy_area(truth[:, 1:] - truth[:, :1], truth)


def test_doubly_robust_outcomes_undo_the_confounding_of_the_old_policy() -> None:
    rng = np.random.default_rng(2)
    x = toy_rows(6000, rng)
    truth = chances(x)
    # The old policy sent what it thought hard to reasoning: hard prompts fail more often in either arm.
    reason = np.clip(0.5 - 0.35 * np.tanh(1.5 * x[:, 1].astype(np.float64)), 0.1, 0.9)
    data = dataset(truth, rng, np.column_stack([1 - reason, reason]))
    require_overlap(data)
    means = np.nanmean(data.success, axis=0)
    wanted = truth.mean(axis=0)
    naive = float(means[1] - means[0])
    robust = float(np.diff(doubly_robust_targets(data, scores(x, data).success).mean(axis=0))[0])
    true = float(wanted[1] - wanted[0])
    assert abs(naive - true) > 0.1
    assert abs(robust - true) < 0.03
    cut = doubly_robust_targets(data, np.zeros((6000, 2)), 2.0)
    assert np.nanmax(cut) == 2.0 < np.nanmax(doubly_robust_targets(data, np.zeros((6000, 2))))


def test_the_model_of_all_arms_is_read_per_arm_by_the_forest_too() -> None:
    rng = np.random.default_rng(5)
    x = toy_rows(400, rng)
    data = dataset(chances(x, 3), rng)
    both = Learner("T + S", "T+S", 1.0)
    heads = fit_heads(x, data, data.success, both, SMALL, 1, lambda: None).success
    wanted = np.column_stack([raw_scores(head, x[:30]) for head in heads])
    assert np.abs(np.diff(wanted, axis=1)).max() > 0.1
    found = pack_trees(heads)
    assert max(found.features) < x.shape[1]
    assert np.allclose(found.score(x[:30].astype(np.float64), 3), wanted, atol=1e-9)


def test_unseen_kinds_lean_on_what_features_alone_say() -> None:
    """Half of the columns name the task, which helps on seen tasks only; the features rule both."""
    rng = np.random.default_rng(6)
    x = toy_rows(1500, rng, 8)
    data = dataset(chances(x[:, -6:]), rng)
    fold = folds_of(data.tasks, 3, rng)
    feature_only, heads = fit_feature_only_heads(x, data, 6, SMALL, fold, 1)
    assert feature_only.shape == data.success.shape
    strange = x.copy()
    strange[:, :2] += 50
    for head in heads:
        assert np.array_equal(raw_scores(head, strange), raw_scores(head, x))
    own = scores(x, data)
    far = own.weigh_by_support("T", np.zeros(len(x)), feature_only)
    near = own.weigh_by_support("T", np.ones(len(x)), feature_only)
    assert np.allclose(far.success, feature_only)
    assert not far.direct.any()
    assert np.allclose(near.success, own.success)
    assert np.allclose(near.direct, own.direct)
