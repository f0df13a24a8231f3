"""The demo's ways of routing: judged by the world's truth, none better than who knows it, and told as it came out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from serving.decision.engine import Engine
from serving.decision.policy.arms import parse_arms
from serving.decision.prior.model import PriorModel
from training.demo.comparison import (
    DEMANDING_USD,
    EVERYDAY,
    EVERYDAY_USD,
    closing_sentence,
    compare_policies,
    policies_table,
    with_success_value,
)
from training.synthetic import World

ARMS = parse_arms(
    '[[arm]]\nname = "direct"\nmodel = "gpt-5.1"\n[[arm]]\nname = "reasoning"\nmodel = "gpt-5.1"\neffort = "high"'
)
DRAWS = World(seed=5).sample(400)


def test_every_caller_says_what_a_success_is_worth() -> None:
    said = {
        task: request.value_of_success_usd for task, request in zip(DRAWS.tasks, with_success_value(DRAWS), strict=True)
    }
    assert set(said) > EVERYDAY
    assert all(usd == (EVERYDAY_USD if task in EVERYDAY else DEMANDING_USD) for task, usd in said.items())


def test_ways_are_judged_by_the_truth() -> None:
    prior = PriorModel(ARMS)
    direct, reasoning, ours, best = compare_policies(Engine(prior, prior=prior), DRAWS)
    worth = np.array([request.value_of_success_usd for request in with_success_value(DRAWS)])
    for column, way in enumerate((direct, reasoning)):
        assert way.success == pytest.approx(DRAWS.success[:, column].mean())
        net = worth * DRAWS.success[:, column] - DRAWS.truth.cost_usd[:, column]
        assert way.net_usd == pytest.approx(net.mean())
    assert (direct.reasons, reasoning.reasons) == (0.0, 1.0)
    assert 0.0 < ours.reasons < 1.0
    assert best.net_usd >= max(direct.net_usd, reasoning.net_usd, ours.net_usd)
    table = policies_table((direct, reasoning, ours, best))
    assert list(table.columns[0].cells) == [way.name for way in (direct, reasoning, ours, best)]


def test_the_closing_line_says_what_came_out_also_where_it_is_bad() -> None:
    prior = PriorModel(ARMS)
    direct, reasoning, ours, best = compare_policies(Engine(prior, prior=prior), DRAWS)
    worse = replace(ours, net_usd=reasoning.net_usd - 0.001, success=direct.success, cost_usd=reasoning.cost_usd)
    assert closing_sentence((direct, reasoning, worse, best)).plain.startswith(
        "thinkgate keeps 0% of what reasoning gains for 100%"
    )
    assert "-1.00 USD against always reasoning" in closing_sentence((direct, reasoning, worse, best)).plain
    useless = replace(reasoning, success=direct.success)
    assert "keeps a gain of nothing" in closing_sentence((direct, useless, ours, best)).plain
