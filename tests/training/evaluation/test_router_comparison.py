from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.router_comparison import compare_routers, evaluate_fixed_policy, oracle_curve
from training.metrics.bootstrap import Resampling
from training.metrics.cost_quality import RealisedOutcomes, Router, area_over_random

N = 600


def world(seed: int, n: int = N) -> tuple[RealisedOutcomes, np.ndarray]:
    """Success of two arms and the true uplift; reasoning never harms and costs ten times as much."""
    rng = np.random.default_rng(seed)
    base, uplift = rng.uniform(0.2, 0.7, n), np.where(rng.random(n) < 0.5, 0.0, 0.3)
    success = (rng.random((n, 2)) < np.column_stack([base, base + uplift])).astype(float)
    return RealisedOutcomes(success, np.tile([0.001, 0.01], (n, 1)) * rng.uniform(0.5, 1.5, (n, 1))), uplift


def test_the_interval_of_the_share_covers_the_share_of_a_large_population() -> None:
    population, uplift = world(99, 400_000)
    truth = float(area_over_random(population, Router("", uplift))[0])
    hits = 0
    for seed in range(60):
        outcomes, score = world(seed)
        interval = compare_routers(outcomes, [Router("", score)], Resampling(N, 200, seed), points=3, halvings=2)[
            0
        ].area
        hits += interval.lower <= truth <= interval.upper
    assert 52 <= hits <= 60


def test_a_copy_is_exactly_as_good_and_a_better_router_is_seen_ahead() -> None:
    outcomes, uplift = world(1, 2000)
    noise = np.random.default_rng(0).normal(size=2000)
    routers = [Router("ours", uplift), Router("copy", uplift.copy()), Router("noisy", uplift + 0.5 * noise)]
    routers.append(Router("similar", uplift + 0.15 * noise))
    ours, copy, noisy, similar = compare_routers(outcomes, routers, Resampling(2000, 300))
    assert ours.ahead is None
    assert copy.ahead is not None
    assert (copy.ahead.lower, copy.ahead.upper) == (0, 0)
    assert noisy.ahead is not None
    assert noisy.ahead.positive
    assert ours.oracle_share is not None
    assert similar.ahead is not None
    width = (similar.ahead.upper - similar.ahead.lower) / (ours.oracle_share.upper - ours.oracle_share.lower)
    assert width < 1, "a paired difference is narrower than the figures themselves"


def test_equal_quality_needs_only_the_half_that_gains() -> None:
    outcomes, uplift = world(2, 20_000)
    perfect, blind = compare_routers(
        outcomes, [Router("perfect", uplift), Router("blind", uplift * 0)], Resampling(20_000, 40)
    )
    assert perfect.near_quality.calls.value == pytest.approx(0.5, abs=0.05)
    assert blind.equal_quality.calls.value > 0.98
    assert abs(perfect.equal_quality.gap.value) < 0.01
    assert perfect.equal_quality.cost_per_success_usd is not None
    assert blind.cheaper_usd is not None
    assert blind.cheaper_usd.lower > 0


def test_a_lucky_cut_is_not_passed_off_as_equal_quality() -> None:
    """Random scores cross always-reasoning by luck; read off other prompts, the loss shows."""
    gaps = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        success = (rng.random((400, 2)) < [0.5, 0.53]).astype(float)
        result = compare_routers(
            RealisedOutcomes(success), [Router("luck", rng.random(400))], Resampling(400, 5), halvings=8
        )[0]
        gaps.append(result.equal_quality.gap.value)
    assert np.mean(gaps) < -0.002


def test_without_costs_no_money_is_claimed() -> None:
    outcomes, uplift = world(3)
    bare = RealisedOutcomes(outcomes.success)
    result, other = compare_routers(bare, [Router("a", uplift), Router("b", -uplift)], Resampling(N, 50))
    assert result.equal_quality.cost_usd is None
    assert result.curve.cost_usd is None
    assert other.cheaper_usd is None


def test_curves_start_direct_end_reasoning_and_random_is_straight() -> None:
    outcomes, uplift = world(4)
    (blind,) = compare_routers(outcomes, [Router("blind", uplift * 0)], Resampling(N, 50), points=11)
    first, last = outcomes.success.mean(axis=0)
    np.testing.assert_allclose(blind.curve.quality, np.linspace(first, last, 11))
    np.testing.assert_allclose(blind.curve.over_random, 0, atol=1e-12)
    ceiling = oracle_curve(outcomes, points=11)
    assert ceiling is not None
    assert (ceiling.quality >= blind.curve.quality - 1e-12).all()
    assert ceiling.quality[-1] == pytest.approx(last)
    assert blind.curve.cost_usd is not None
    assert outcomes.cost_usd is not None
    assert blind.curve.cost_usd[[0, -1]] == pytest.approx(outcomes.cost_usd.mean(axis=0))


def test_pseudo_outcomes_are_compared_by_area_alone() -> None:
    outcomes, uplift = world(5)
    pseudo = RealisedOutcomes(outcomes.success, realised=False)
    ours, other = compare_routers(pseudo, [Router("a", uplift), Router("b", uplift * 0)], Resampling(N, 50))
    assert ours.oracle_share is None
    assert other.ahead is not None
    assert other.ahead.value == pytest.approx(ours.area.value)
    assert oracle_curve(pseudo) is None


def test_a_rule_is_measured_against_random_at_its_own_rate() -> None:
    outcomes, uplift = world(6, 4000)
    plan = Resampling(4000, 200)
    chosen = evaluate_fixed_policy("knows", outcomes, (uplift > 0).astype(np.int64), plan)
    coin = evaluate_fixed_policy("coin", outcomes, np.random.default_rng(0).integers(0, 2, 4000), plan)
    assert chosen.over_random.positive
    assert coin.over_random.lower < 0 < coin.over_random.upper
    assert chosen.cost_per_success_usd is not None
    assert chosen.cost_usd is not None
    ratio = chosen.cost_usd.value / chosen.success.value
    assert chosen.cost_per_success_usd.value == pytest.approx(ratio)
