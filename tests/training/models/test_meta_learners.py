"""Candidate learners: how their scores mix, and their rank by policy value."""

from __future__ import annotations

import numpy as np
import pytest

from training.models.meta_learners import Learner, Scores, policy_area, rank_learners


def test_ties_share_alike() -> None:
    truth = np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert policy_area(np.zeros((4, 1)), truth) == pytest.approx(0.0)


def test_success_models_mix_on_the_log_odds_scale() -> None:
    both = Scores(np.array([[0.2, 0.5]]), np.array([[0.1]]), np.array([[0.8, 0.5]]))
    assert np.array_equal(both.success_by("T"), both.success)
    assert np.allclose(both.success_by("T+S"), [[0.5, 0.5]])
    alone = Scores(both.success, both.direct)
    assert np.array_equal(alone.success_by("S"), both.success)


def test_a_blend_weighs_differences_and_direct_uplift() -> None:
    both = Scores(np.array([[0.2, 0.6]]), np.array([[0.1]]))
    assert both.blend(Learner("T + DR", "T", 0.5)) == pytest.approx(np.array([[0.25]]))
    assert both.blend(Learner("T", "T", 1.0)) == pytest.approx(np.array([[0.4]]))
    assert both.blend(Learner("DR", "T", 0.0)) == pytest.approx(np.array([[0.1]]))


def test_support_moves_between_the_models() -> None:
    own = Scores(np.array([[0.2, 0.6], [0.2, 0.6]]), np.array([[0.3], [0.3]]))
    mixed = own.weigh_by_support("T", np.array([0.0, 1.0]), np.full((2, 2), 0.5))
    assert np.allclose(mixed.success, [[0.5, 0.5], [0.2, 0.6]])
    assert np.allclose(mixed.direct, [[0.0], [0.3]])


def test_the_best_ranking_comes_first_and_names_its_tree_size() -> None:
    rng = np.random.default_rng(9)
    truth = np.column_stack([np.full(200, 0.5), rng.random(200)])
    right, wrong = Scores(truth, truth[:, 1:] - 0.5), Scores(1 - truth, 0.5 - truth[:, 1:])
    ranked = rank_learners((wrong, right), truth, (" small", " large"))
    assert ranked[0].name.endswith(" large")
    assert (ranked[0].tree_size, ranked[-1].tree_size) == (1, 0)
    assert ranked[0].value > 0 > ranked[-1].value
    assert not any(learner.outcome in ("S", "T+S") for learner in ranked)
