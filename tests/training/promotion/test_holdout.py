"""The newest window: split in time, paired where every arm was called, forecast without exploration."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from serving.decision.bundle.loader import load_bundle
from serving.decision.policy.bound_policy import bind_policy
from serving.decision.policy.policy import Exploration, Policy, Rule, Terms
from serving.decision.pricing.price_book import price_book
from serving.decision.types import Arm, Price, Usd
from tests.support import bundles
from training.errors import BadHistory
from training.promotion.holdout import HoldoutWindow, forecast, held_out, split_newest

PRICE = Price(input=1.0, output=10.0)
ARMS = (Arm("direct", "m", "none", price=PRICE), Arm("reasoning", "m", "high", price=PRICE))


def calls(**columns: object) -> pd.DataFrame:
    n = 10
    frame = {
        "prompt_id": [f"p{k}" for k in range(n)],
        "prompt": [f"question {k}" for k in range(n)],
        "arm": ["direct"] * n,
        "success": [1.0] * n,
        "timestamp": [float(100 * k) for k in range(n)],
    }
    return pd.DataFrame(frame | columns)


def test_the_newest_share_is_held_out() -> None:
    split = split_newest(calls(), 0.2)
    assert split.newer["prompt_id"].tolist() == ["p8", "p9"]
    assert (len(split.older), split.since, split.seen) == (8, 800.0, 0)


def test_prompts_of_both_parts_count_for_training_alone() -> None:
    split = split_newest(calls(prompt_id=[*(f"p{k}" for k in range(9)), "p0"]), 0.2)
    assert split.newer["prompt_id"].tolist() == ["p8"]
    assert split.seen == 1


def test_old_calls_are_dropped_and_calls_without_time_or_success_are_no_evidence() -> None:
    frame = calls(timestamp=[np.nan, *(100.0 * k for k in range(1, 10))], success=[1.0] * 9 + [np.nan])
    split = split_newest(frame, 0.5, last_s=500.0)
    assert split.older["prompt_id"].tolist()[0] == "p0", "calls without a time are trained on"
    assert "p9" not in split.newer["prompt_id"].tolist()
    assert frame["prompt_id"][3] not in split.older["prompt_id"].tolist()
    assert len(split_newest(calls(), 0.5, after=600.0).older) + len(split_newest(calls(), 0.5, after=600.0).newer) == 4


def test_equal_timestamps_can_not_be_split() -> None:
    with pytest.raises(BadHistory, match="timestamp"):
        split_newest(calls(timestamp=[5.0] * 10), 0.2)


def window(**columns: object) -> HoldoutWindow:
    frame = pd.DataFrame(
        {
            "prompt_id": ["a", "a", "b", "b"],
            "prompt": ["one", "one", "two", "two"],
            "arm": ["direct", "reasoning", "direct", "reasoning"],
            "success": [0.0, 1.0, 1.0, 1.0],
            "propensity": [1.0, 1.0, 0.5, 0.5],
            "task": ["maths", "maths", None, None],
            "input_tokens": [1000.0] * 4,
            "output_tokens": [1000.0, np.nan, 1000.0, 1000.0],
            "cost_usd": [np.nan, np.nan, 0.5, np.nan],
        }
        | columns
    )
    policy = Policy(terms=Terms(value_of_success_usd=Usd(0.3)))
    return held_out(frame, bind_policy(ARMS, policy, price_book(ARMS)))


def test_prompts_called_with_every_arm_for_sure_are_one_row_others_one_row_a_call() -> None:
    found = window()
    np.testing.assert_array_equal(found.window.success, [[0.0, 1.0], [1.0, np.nan], [np.nan, 1.0]])
    np.testing.assert_array_equal(found.window.propensity, [[1.0, 1.0], [0.5, np.nan], [np.nan, 0.5]])
    assert found.window.tasks.tolist() == ["maths", None, None]
    assert [request.messages[-1].text for request in found.requests] == ["one", "two", "two"]


def test_cost_is_as_recorded_else_from_tokens_else_unknown() -> None:
    cost = window().window.cost_usd
    assert cost[0, 0] == pytest.approx((1000 * 1.0 + 1000 * 10.0) / 1e6)
    assert np.isnan(cost[0, 1])
    assert cost[1, 0] == 0.5


def test_a_requests_own_value_comes_before_the_policys() -> None:
    found = window(value_of_success_usd=[np.nan, np.nan, 2.0, 2.0])
    assert found.window.value_usd.tolist() == [0.3, 2.0, 2.0]
    assert [request.value_of_success_usd for request in found.requests] == [0.3, 2.0, 2.0]


def test_a_bundle_is_forecast_without_exploration_and_denied_requests_get_the_baseline() -> None:
    bundle, held = load_bundle(bundles.exported(0)), window()
    exploring = Policy(terms=Terms(exploration=Exploration(use=0.9, maybe=0.9, avoid=0.9)))
    first, again = (forecast(bundle, bundle.arms, exploring, held, 0.0, 123) for _ in range(2))
    np.testing.assert_array_equal(first.chosen, again.chosen)
    assert (first.bundle_id, first.size_bytes, first.epsilon) == (bundle.bundle_id, 123, None)
    assert ((first.success > 0) & (first.success < 1)).all()
    denied = forecast(bundle, bundle.arms, Policy(rules=(Rule(deny=("direct", "reasoning")),)), held, 0.0, 1)
    assert (denied.chosen == 0).all()
    assert denied.supported == 0
