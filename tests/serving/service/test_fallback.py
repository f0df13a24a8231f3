"""The fallback arm obeys what binds the model: rules, tool loops, the client's effort, arms that are shed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.decision import Engine, Request
from serving.decision.policy import Policy, parse_policy
from serving.decision.prior import PriorModel
from serving.decision.selection import NEUTRAL, ArmHealth, EveryArmDenied, Session
from serving.decision.types import Arm, Message, Price
from serving.model.slot import LiveEngine
from serving.service.fallback import choose_fallback

PRICE = Price(1.25, 10.0, 0.125)
ARMS = (
    Arm("direct", "m", "none", price=PRICE),
    Arm("some", "m", "low", price=PRICE),
    Arm("much", "m", "high", price=PRICE),
)
PRIOR = PriorModel(ARMS)
ASK = Request((Message("user", "What is 17 * 23?"),))


def _live(text: str = "") -> LiveEngine:
    policy = parse_policy(text, arms=ARMS) if text else Policy()
    engine = Engine(PRIOR, policy, prior=PRIOR)
    return LiveEngine(engine, ARMS, "b", engine.version, bound_policy=engine.bound_policy)


def test_baseline_is_the_first_arm_and_reason_the_highest_effort() -> None:
    assert choose_fallback(_live(), ASK, NEUTRAL, "baseline").arm.name == "direct"
    assert choose_fallback(_live(), ASK, NEUTRAL, "reason").arm.name == "much"
    bare = LiveEngine(_live().decider, ARMS, "b", "fixed")
    assert choose_fallback(bare, ASK, NEUTRAL, "reason").arm.name == "much"


def test_denied_arms_are_never_taken() -> None:
    live = _live('[[rule]]\ndeny = ["direct", "much"]\n')
    assert choose_fallback(live, ASK, NEUTRAL, "baseline").arm.name == "some"
    assert choose_fallback(live, ASK, NEUTRAL, "reason").arm.name == "some"


def test_a_request_without_any_arm_is_refused() -> None:
    denied = _live('[[rule]]\ndeny = ["direct", "some"]\n[[rule]]\ndeny = ["much"]\n')
    with pytest.raises(EveryArmDenied):
        choose_fallback(denied, ASK, NEUTRAL, "baseline")


def test_shed_arms_come_last() -> None:
    state = replace(NEUTRAL, health={"much": replace(ArmHealth(), shed=True)})
    assert choose_fallback(_live(), ASK, state, "reason").arm.name == "some"


def test_an_open_tool_loop_goes_on_as_it_began() -> None:
    loop = Request((Message("user", "Add."), Message("tool", "4")))
    state = replace(NEUTRAL, session=Session("much", effort="high"))
    chosen = choose_fallback(_live(), loop, state, "baseline")
    assert (chosen.arm.name, chosen.effort, chosen.because) == ("much", "high", "tool_loop")


def test_the_clients_effort_stands_unless_the_policy_ignores_it() -> None:
    wanted = replace(ASK, client_effort="low")
    chosen = choose_fallback(_live(), wanted, NEUTRAL, "reason")
    assert (chosen.arm.name, chosen.effort, chosen.because) == ("some", "low", "client")
    ignored = choose_fallback(_live('client_effort = "ignore"\n'), wanted, NEUTRAL, "reason")
    assert (ignored.arm.name, ignored.because) == ("much", "behaviour")
