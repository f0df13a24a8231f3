"""Off-policy values against a world whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from serving.decision.errors import BadInput
from tests.support.target_policies import threshold_policy
from training.metrics.cost_quality import Router
from training.metrics.off_policy import (
    LoggedTraffic,
    UnsupportedPolicy,
    doubly_robust_outcomes,
    doubly_robust_success,
    effective_size,
    overlap_of,
    policy_value,
)


@dataclass(frozen=True)
class Logged:
    log: LoggedTraffic
    target: np.ndarray
    model: np.ndarray
    truth: np.ndarray


def logged(seed: int, n: int, least: float = 0.05) -> Logged:
    """Confounded logs: the old policy likes prompts that succeed anyway. The outcome model is biased on purpose."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    truth = 1 / (1 + np.exp(-np.column_stack([x[:, 0], x[:, 0] + 1 - x[:, 1]])))
    chance = np.clip(1 / (1 + np.exp(-1.5 * x[:, 0] - x[:, 2])), least, 1 - least)
    arm = (rng.random(n) < chance).astype(np.int64)
    reward = (rng.random(n) < truth[np.arange(n), arm]).astype(float)
    target = threshold_policy(Router("", truth[:, 1] - truth[:, 0]), 0.1, 2)
    model = np.clip(0.8 * truth + 0.05 + 0.1 * x[:, [2]], 0, 1)
    return Logged(LoggedTraffic(arm, reward, np.where(arm == 1, chance, 1 - chance), 2), target, model, truth)


POPULATION = logged(99, 1_000_000)
TRUTH = float((POPULATION.target * POPULATION.truth).sum(axis=1).mean())


def test_intervals_of_dr_and_snips_cover_the_truth() -> None:
    hits = {"dr": 0, "snips": 0}
    for seed in range(300):
        world = logged(seed, 1000)
        value = policy_value("new", world.log, world.target, world.model)
        assert value.dr is not None
        hits["dr"] += value.dr.lower <= TRUTH <= value.dr.upper
        hits["snips"] += value.snips.lower <= TRUTH <= value.snips.upper
    assert all(0.93 <= count / 300 <= 0.97 for count in hits.values()), hits


def test_the_plain_mean_of_the_log_is_fooled_and_ips_is_not() -> None:
    value = policy_value("new", POPULATION.log, POPULATION.target, POPULATION.model)
    assert value.ips.value == pytest.approx(TRUTH, abs=0.01)
    assert value.snips.value == pytest.approx(TRUTH, abs=0.01)
    always = policy_value("always", POPULATION.log, np.tile([0.0, 1.0], (len(POPULATION.target), 1)))
    naive, honest = POPULATION.log.reward[POPULATION.log.arm == 1].mean(), POPULATION.truth[:, 1].mean()
    assert naive - honest > 0.05
    assert always.ips.value == pytest.approx(honest, abs=0.01)
    assert value.dr is not None
    assert value.dr.upper - value.dr.lower < value.snips.upper - value.snips.lower < value.ips.upper - value.ips.lower


def test_pseudo_outcomes_are_unbiased_for_both_arms() -> None:
    filled = doubly_robust_success(POPULATION.log, POPULATION.model)
    np.testing.assert_allclose(filled.mean(axis=0), POPULATION.truth.mean(axis=0), atol=0.01)


def test_doubly_robust_outcomes_of_observed_certainties_are_the_outcomes() -> None:
    outcome = np.array([[1.0, 0.0], [0.0, np.nan]])
    found = doubly_robust_outcomes(outcome, np.ones((2, 2)), np.full((2, 2), 0.4))
    np.testing.assert_allclose(found, [[1.0, 0.0], [0.0, 0.4]], atol=1e-15)


def test_the_largest_weight_limits_what_one_outcome_can_move() -> None:
    outcome, propensity = np.array([[1.0, np.nan]]), np.array([[0.01, np.nan]])
    assert doubly_robust_outcomes(outcome, propensity, np.zeros((1, 2)))[0, 0] == pytest.approx(100)
    assert doubly_robust_outcomes(outcome, propensity, np.zeros((1, 2)), 5.0)[0].tolist() == [5.0, 0.0]


def test_effective_size_is_the_count_of_equal_weights_and_one_for_a_single_heavy_one() -> None:
    assert effective_size(np.full(40, 3.0)) == pytest.approx(40)
    assert effective_size(np.array([1e9, 1.0, 1.0])) == pytest.approx(1)


def test_the_policy_that_logged_is_worth_its_own_mean() -> None:
    world = logged(2, 500)
    chance = np.where(world.log.arm == 1, world.log.propensity, 1 - world.log.propensity)
    own = np.column_stack([1 - chance, chance])
    value = policy_value("own", world.log, own)
    assert value.dr is None
    assert value.ips.value == pytest.approx(value.logged.value)
    assert value.snips.value == pytest.approx(value.logged.value)
    assert value.overlap.effective_size == pytest.approx(500)


def test_deterministic_logs_are_refused_with_the_way_out() -> None:
    world = logged(3, 1000)
    certain = replace(world.log, propensity=np.ones(1000))
    with pytest.raises(UnsupportedPolicy, match="exploration switched on"):
        policy_value("new", certain, world.target)
    one_arm = replace(certain, arm=np.zeros(1000, dtype=np.int64))
    with pytest.raises(UnsupportedPolicy, match="worth 0"):
        policy_value("always reasoning", one_arm, np.tile([0.0, 1.0], (1000, 1)))


def test_overlap_is_told_and_clipping_counted() -> None:
    world = logged(4, 3000, least=0.01)
    free, cut = overlap_of(world.log, world.target), overlap_of(world.log, world.target, max_weight=5)
    assert free.clipped == 0
    assert 0 < cut.clipped < 0.2
    assert cut.effective_size > free.effective_size
    assert free.mean_weight.lower < 1 < free.mean_weight.upper
    assert 0.3 < free.matched < 0.8


def test_bad_logs_are_refused() -> None:
    log = logged(5, 50).log
    for change, words in (
        ({"propensity": np.zeros(50)}, "propensity"),
        ({"reward": np.full(50, np.nan)}, "outcome has been reported"),
        ({"arm": np.full(50, 7)}, "order of arms.toml"),
    ):
        with pytest.raises(BadInput, match=words):
            replace(log, **change)
    with pytest.raises(BadInput, match="sum to 1"):
        overlap_of(log, np.ones((50, 2)))
