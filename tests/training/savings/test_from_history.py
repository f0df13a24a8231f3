"""Evidence from outcome records: decided under the policy, priced from tokens, tenants passed on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from serving.decision.policy.policy import Policy, Terms
from serving.decision.types import Usd
from tests.support.policy_cases import ARMS, engine, forecast
from tests.support.toy_datasets import chances, dataset, toy_rows
from training.dataset.dataset import Dataset
from training.savings.from_history import from_history

N = 30


def history(logged: bool = False) -> Dataset:
    rng = np.random.default_rng(0)
    propensity = np.full((N, 2), 0.5) if logged else None
    made = dataset(chances(toy_rows(N, rng)), rng, propensity)
    tokens = np.where(made.observed, 1000.0, np.nan)
    return replace(made, arms=ARMS[:2], input_tokens=tokens, output_tokens=tokens)


PAIR = engine(forecast((0.3,), tokens=(200.0, 800.0), latency=(1000.0, 6000.0)), arms=ARMS[:2])


def test_a_paired_history_keeps_its_outcomes_and_is_priced_from_tokens() -> None:
    data = history()
    found = from_history(data, PAIR, 50.0)
    assert (found.kind, found.per_day, found.assumed) == ("paired history", 50.0, False)
    np.testing.assert_array_equal(found.success, data.success)
    assert found.cost_usd == pytest.approx(np.full((N, 2), (1000 * 1.0 + 1000 * 10.0) / 1e6))
    assert found.forecast_success[:, 1] == pytest.approx(np.full(N, 0.9))
    assert found.notes == ()


def test_recorded_costs_come_before_prices() -> None:
    data = history()
    cost = np.full((N, 2), np.nan)
    cost[0, 0] = 7.0
    found = from_history(replace(data, cost_usd=cost), PAIR, 50.0)
    assert found.cost_usd[0, 0] == 7.0
    assert found.cost_usd[1, 0] == pytest.approx(0.011)


def test_the_policy_decides_every_prompt() -> None:
    model = forecast((0.3,), tokens=(200.0, 800.0), latency=(1000.0, 6000.0))
    for value, arm in ((1e-9, 0), (1000.0, 1)):
        policy = Policy(terms=Terms(value_of_success_usd=Usd(value)))
        assert (from_history(history(), engine(model, policy, ARMS[:2]), 1.0).chosen == arm).all()


def test_a_logged_history_without_tokens_says_so() -> None:
    data = history(logged=True)
    found = from_history(replace(data, output_tokens=np.full((N, 2), np.nan)), PAIR)
    assert found.kind == "logged history"
    assert found.assumed
    assert np.isnan(found.cost_usd).all()
    assert found.notes == ("100% of the calls have neither cost nor tokens: their cost is the forecast's",)
