"""Reasons: the net benefit first, then whatever overruled it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serving.decision.engine import Engine
from serving.decision.policy.policy import Policy, Rule
from serving.decision.prior.model import PriorModel
from serving.decision.selection.reason import format_usd
from serving.decision.selection.runtime_state import ArmHealth, RuntimeState, Session
from serving.decision.types import Decision, Message, Request, Usd
from tests.support.policy_cases import ARMS, DIRECT, HIGH, ask, decide, engine, forecast, policy

# With 1,000 tokens in and no retries: direct costs 0.003 USD, high 0.031.
PLAIN = RuntimeState(input_tokens=1000)
NO_RETRIES = policy(expected_retries=0.0)


def two_arms(uplift: float, terms: Policy = NO_RETRIES, runtime_state: RuntimeState = PLAIN) -> Decision:
    return engine(forecast((uplift,), 0.02, (200.0, 3000.0), (1000.0, 20000.0)), terms, (DIRECT, HIGH)).decide(
        ask(), runtime_state
    )


def test_a_short_follow_up_is_marked() -> None:
    talk = (Message("user", "Plan the move."), Message("assistant", "1. ..."), Message("user", "yes, commit it"))
    assert decide(request=Request(talk)).reason.endswith("a short follow-up, judged by its conversation")
    assert "follow-up" not in decide(request=Request(talk[:1])).reason


def test_the_reason_shows_the_arithmetic() -> None:
    two = forecast((0.02,), 0.03, (210.0, 3100.0), (600.0, 10500.0))
    decision = engine(two, NO_RETRIES, (DIRECT, HIGH)).decide(ask(), PLAIN)
    assert decision.reason == "uplift 0.02 [-0.01, 0.05] x 0.50 USD does not pay 0.029 USD"
    sure = engine(forecast((0.2,), 0.03, (210.0, 3100.0), (600.0, 10500.0)), NO_RETRIES, (DIRECT, HIGH))
    assert sure.decide(ask(), PLAIN).reason == "uplift 0.20 [0.17, 0.23] x 0.50 USD pays 0.029 USD"


def test_the_budget_factor_latency_and_switching_are_shown() -> None:
    pressed = replace(PLAIN, cost_multiplier=1.0, session=Session("direct"))
    terms = policy(expected_retries=0.0, latency_usd_per_second=0.001, switching_cost_usd=0.25)
    assert two_arms(0.1, terms, pressed).reason == (
        "uplift 0.10 [0.08, 0.12] x 0.50 USD does not pay 0.028 USD x 2.00 (budget) + 19.0 s x 0.001 USD"
        " +0.25 USD (switching)"
    )


def test_a_chosen_arm_is_named_among_three() -> None:
    assert decide(runtime_state=PLAIN).reason.startswith("high: uplift 0.15 [0.13, 0.17] x 0.50 USD pays 0.02")


def test_every_obstacle_of_the_best_arm_is_named() -> None:
    shed = replace(PLAIN, health={"high": ArmHealth(shed=True, why="errors")})
    decision = decide(forecast((0.0, 0.5)), NO_RETRIES, ask(deadline_ms=9_000.0, max_cost_usd=Usd(0.02)), shed)
    _, *obstacles = decision.reason.split("; ")
    assert obstacles == [
        "high is shed (errors)",
        "high can't keep 9000 ms (p95 40000 ms)",
        "high breaks the cost cap of 0.02 USD",
    ]


@pytest.mark.parametrize(
    ("terms", "fields", "ending"),
    [
        (policy((Rule(allow=("direct",)),)), {}, "the rules leave no arm that thinks"),
        (NO_RETRIES, {"client_effort": "low"}, "the client asks for effort low"),
        (policy(max_effort="low"), {"client_effort": "max"}, "the client asks for effort max, the policy allows low"),
        (NO_RETRIES, {"deadline_ms": 1.0}, "no arm keeps every limit: direct is the fastest that may serve"),
        (NO_RETRIES, {"max_cost_usd": 1e-9}, "no arm keeps every limit: direct is the cheapest that may serve"),
    ],
)
def test_what_overruled_utility_comes_last(terms: Policy, fields: dict[str, Any], ending: str) -> None:
    assert decide(policy=terms, request=ask(**fields)).reason.endswith(ending)


def test_an_unsure_policy_names_its_behaviour() -> None:
    unsure = forecast((0.0, 0.06), half=0.05)
    assert decide(unsure, policy(maybe="baseline")).reason.endswith("the policy takes the baseline where it is unsure")
    assert decide(unsure, policy(maybe="reason")).reason.endswith("the policy takes high where it is unsure")


def test_a_cold_start_is_named() -> None:
    assert "cold start: prior knowledge of the kind of task" in Engine(PriorModel(ARMS)).decide(ask()).reason


def test_usd_below_a_hundredth_of_a_cent_are_written_in_powers_of_ten() -> None:
    assert [format_usd(amount) for amount in (0.0999, 0.1, 1e-4, 2.5e-5, -0.02)] == [
        "0.1",
        "0.10",
        "0.0001",
        "2.5e-05",
        "-0.02",
    ]
