"""Policies on the synthetic world: exact propensities, true values, and estimates that find them."""

from __future__ import annotations

import numpy as np
import pytest

from training.synthetic import (
    Always,
    BadWorld,
    Exploring,
    LegacyRouter,
    LoggingPolicy,
    PromptSample,
    RuleBasedRouter,
    Uniform,
    World,
    oracle_policy,
    true_value,
)

PROMPTS = 12_000


@pytest.fixture(scope="module")
def draws() -> PromptSample:
    return World(seed=31).sample(PROMPTS)


@pytest.mark.parametrize(
    "policy", [Uniform(), LegacyRouter(), LegacyRouter(sharpness=3.0), Exploring(RuleBasedRouter(), 0.2)]
)
def test_propensities_are_those_of_the_picks(draws: PromptSample, policy: LoggingPolicy) -> None:
    chances = policy(draws)
    records = World(seed=31).records(draws, policy)
    reasoned = (records["arm"] == "reasoning").to_numpy()
    np.testing.assert_array_equal(records["propensity"], np.where(reasoned, chances[:, 1], chances[:, 0]))
    for places in np.array_split(np.argsort(chances[:, 1], kind="stable"), 6):
        chance = chances[places, 1]
        bound = 4 * np.sqrt((chance * (1 - chance)).sum()) / len(places)
        assert abs(reasoned[places].mean() - chance.mean()) < bound


def test_old_policy_is_confounded_and_keeps_overlap(draws: PromptSample) -> None:
    policy = LegacyRouter(sharpness=1.5, floor=0.05)
    chances = policy(draws)
    assert chances.min() >= 0.05
    assert chances[:, 1].std() > 0.2
    assert np.corrcoef(chances[:, 1], draws.truth.difficulty)[0, 1] > 0.1
    records = World(seed=31).records(draws, policy)
    rates = records.groupby("arm")["success"].mean()
    naive = rates["reasoning"] - rates["direct"]
    error = np.sqrt((records.groupby("arm")["success"].var() / records.groupby("arm").size()).sum())
    assert naive < draws.uplift.mean() - 4 * error  # whom it lets think had the harder prompts


def test_ips_finds_the_true_value(draws: PromptSample) -> None:
    records = World(seed=31).records(draws, LegacyRouter())
    picked = (records["arm"] == "reasoning").to_numpy().astype(int)
    for target in (Always("direct"), Always("reasoning"), RuleBasedRouter(), Uniform()):
        chances = target(draws)
        weights = chances[np.arange(PROMPTS), picked] / records["propensity"].to_numpy()
        estimates = weights * records["success"].to_numpy()
        error = estimates.std() / np.sqrt(PROMPTS)
        assert error < 0.025
        assert abs(estimates.mean() - true_value(draws, chances).success) < 4 * error


def test_deterministic_policies_have_propensity_one(draws: PromptSample) -> None:
    few = draws.take(np.arange(500))
    records = World(seed=31).records(few, RuleBasedRouter())
    assert (records["propensity"] == 1.0).all()
    assert records["arm"].nunique() == 2
    assert (World(seed=31).records(few, Always("direct"))["arm"] == "direct").all()
    assert (World(seed=31).records(few, Always("reasoning"))["arm"] == "reasoning").all()


def test_several_runs_pick_anew(draws: PromptSample) -> None:
    records = World(seed=31).records(draws.take(np.arange(400)), Uniform(), runs=3)
    assert len(records) == 1200
    assert records["request_id"].is_unique
    assert records.groupby("prompt_id")["arm"].nunique().value_counts()[2] > 200


def test_no_policy_beats_the_oracle(draws: PromptSample) -> None:
    for worth in (0.05, 0.5, 5.0):
        best = true_value(draws, oracle_policy(draws, worth), worth)
        others = [
            true_value(draws, policy(draws), worth)
            for policy in (Always("direct"), Always("reasoning"), LegacyRouter())
        ]
        assert all(best.net_usd > other.net_usd for other in others)
    assert true_value(draws, oracle_policy(draws, 0.0)).reasoning_share == 0.0
    spent = [true_value(draws, oracle_policy(draws, worth)).cost_usd for worth in (0.05, 0.5, 5.0)]
    assert spent == sorted(spent)


def test_value_is_the_mean_of_the_truth(draws: PromptSample) -> None:
    always = true_value(draws, Always("reasoning")(draws), 2.0)
    assert always.success == pytest.approx(draws.success[:, 1].mean())
    assert always.cost_usd == pytest.approx(draws.truth.cost_usd[:, 1].mean())
    assert always.output_tokens == pytest.approx(draws.truth.output_tokens[:, 1].mean())
    assert always.latency_ms == pytest.approx(draws.truth.latency_ms[:, 1].mean())
    assert always.net_usd == pytest.approx(2.0 * always.success - always.cost_usd)
    assert always.reasoning_share == 1.0


def test_bad_policies_are_refused(draws: PromptSample) -> None:
    few = draws.take(np.arange(3))
    world = World(seed=31)
    with pytest.raises(BadWorld, match="shape"):
        world.records(few, lambda _: np.ones(3))
    with pytest.raises(BadWorld, match="sum to 1"):
        world.records(few, lambda _: np.full((3, 2), 0.6))
    with pytest.raises(BadWorld, match="sum to 1"):
        true_value(few, np.full((3, 2), np.nan))
    with pytest.raises(BadWorld, match="it has direct, reasoning"):
        Always("maybe")(few)
    with pytest.raises(BadWorld, match="floor"):
        LegacyRouter(floor=0.5)(few)
    with pytest.raises(BadWorld, match="share"):
        Exploring(Uniform(), 1.5)(few)
