"""What was applied: the arm that a body amounts to, its exact propensity, and why the decision does not stand in it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from serving.decision.engine import Engine, RecordedDecision
from serving.decision.errors import BadRequest
from serving.decision.policy.policy import Exploration, Policy, Terms
from serving.decision.providers.request_body import parse_body
from serving.decision.providers.rewrite import Rewrite, apply_decision
from serving.decision.types import Applied, Arm, Decision, Request
from serving.service.applied import (
    FAILED,
    Rewriting,
    counting_unread,
    describe_applied,
    notify_rewritten,
    rewrite_decided,
)
from serving.service.decision_service import DecisionService
from tests.support.fakes import LengthDecider, make_service
from tests.support.policy_cases import ARMS as SHAPES
from tests.support.policy_cases import NOW, Counter, Fixed, forecast

GPT = tuple(replace(arm, model="gpt-5.1") for arm in SHAPES)
SILENT = ("conflict:temperature",)
EXPLORING = Policy(terms=Terms(exploration=Exploration(explore=1.0, use=0.6, maybe=0.6, avoid=0.6)))


def chat(**more: Any) -> dict[str, Any]:
    return {"model": "gpt-5.1", "messages": [{"role": "user", "content": "Hi"}], **more}


def rewriting_of(
    body: Mapping[str, Any], policy: Policy | None = None, arms: tuple[Arm, ...] = GPT, uniform: float | None = None
) -> Rewriting:
    parsed = parse_body(body)
    engine = Engine(Fixed(forecast(), arms), policy, clock=lambda: NOW, ids=Counter())
    record = engine.record(parsed.request)
    decided = engine.decide_recorded(parsed.request, replace(record.runtime_state, uniform=uniform))

    def apply(decision: Decision, arm: Arm | None) -> Rewrite:
        rewritten = apply_decision(body, parsed, decision, arm=arm)
        # gpt-5.1 does not reason where it is not asked to.
        return replace(rewritten, asked_effort="none") if rewritten.not_applied in SILENT else rewritten

    return Rewriting(parsed, decided, apply(decided.decision, decided.arm), "rewrite", apply)


def applied(body: Mapping[str, Any], **options: Any) -> Applied:
    return describe_applied(rewriting_of(body, **options), options.get("arms", GPT))


def test_what_was_decided_and_written_is_its_own_arm() -> None:
    found = applied(chat())
    assert (found.model, found.effort, found.not_applied, found.integration) == ("gpt-5.1", found.effort, "", "rewrite")
    assert {arm.name: arm.effort for arm in GPT}[str(found.arm)] == found.effort
    assert found.propensity == 1.0


@pytest.mark.parametrize("uniform", [0.1, 0.3, 0.5, 0.9])
def test_a_conflict_makes_the_applied_arm_certain_whatever_was_drawn(uniform: float) -> None:
    found = applied(chat(temperature=0.2), policy=EXPLORING, uniform=uniform)
    assert (found.effort, found.arm) == ("none", "direct")
    assert found.propensity == pytest.approx(1.0)


def test_a_conflict_is_named_where_the_draw_was_not_applied() -> None:
    reasons = set()
    for uniform in (0.1, 0.3, 0.5, 0.9):
        rewriting = rewriting_of(chat(temperature=0.2), EXPLORING, uniform=uniform)
        reasons.add((rewriting.decided.decision.arm == "direct", describe_applied(rewriting, GPT).not_applied))
    assert reasons == {(True, ""), (False, "conflict:temperature")}


@pytest.mark.parametrize("uniform", [0.1, 0.3, 0.5, 0.9])
def test_without_a_conflict_the_propensity_is_the_draw_s(uniform: float) -> None:
    rewriting = rewriting_of(chat(), EXPLORING, uniform=uniform)
    found = describe_applied(rewriting, GPT)
    decision = rewriting.decided.decision
    assert (found.arm, found.propensity) == (decision.arm, decision.propensity)
    assert found.propensity is not None
    assert found.propensity < 1.0


def test_arms_that_come_to_the_same_share_their_propensities() -> None:
    """gpt-5-pro takes one effort: every arm of it is the same call."""
    arms = tuple(replace(arm, model="gpt-5-pro") for arm in GPT)
    found = applied(chat(model="gpt-5-pro"), arms=arms, policy=EXPLORING, uniform=0.1)
    assert found.effort == "high"
    assert found.propensity == pytest.approx(1.0)


def test_an_unknown_model_is_no_arm() -> None:
    arms = tuple(replace(arm, model="nobody-knows-it") for arm in GPT)
    found = applied(chat(model="nobody-knows-it"), arms=arms)
    assert found == Applied("nobody-knows-it", None, "unknown_model", None, None, "rewrite")


def test_a_client_s_own_effort_is_applied_where_it_is_the_decision() -> None:
    found = applied(chat(reasoning_effort="low"))
    assert (found.effort, found.not_applied, found.arm, found.propensity) == ("low", "", "low", 1.0)


def test_a_client_s_effort_between_two_arms_is_of_no_arm() -> None:
    found = applied(chat(reasoning_effort="medium"))
    assert (found.effort, found.not_applied, found.arm, found.propensity) == ("medium", "", None, None)


def test_a_model_that_only_the_url_names_stays() -> None:
    body: dict[str, Any] = {"contents": [{"parts": [{"text": "Hi"}]}]}
    parsed = parse_body(body, model="gemini-2.5-flash")
    decided = LengthDecider().decide_recorded(parsed.request)

    def apply(decision: Decision, arm: Arm | None) -> Rewrite:
        return apply_decision(body, parsed, decision, arm=arm)

    found = describe_applied(Rewriting(parsed, decided, apply(decided.decision, decided.arm), "ext_proc", apply), GPT)
    assert (found.model, found.not_applied, found.arm) == ("gemini-2.5-flash", "url_model", None)


def test_a_fallback_beside_a_client_s_effort_is_not_applied() -> None:
    rewriting = rewriting_of(chat(reasoning_effort="high"))
    fallback = replace(
        rewriting.decided.decision, arm="direct", effort="none", estimates={}, fallback="baseline", propensity=1.0
    )
    decided = RecordedDecision(fallback, None)
    found = describe_applied(replace(rewriting, decided=decided, rewritten=rewriting.apply(fallback, None)), GPT)
    assert (found.effort, found.not_applied, found.arm) == ("high", "client", "high")


def test_arms_of_another_model_say_nothing_of_what_was_not_decided() -> None:
    found = describe_applied(rewriting_of(chat(temperature=0.2), EXPLORING, uniform=0.3), GPT[:2])
    assert (found.not_applied, found.arm) == ("conflict:temperature", None)


class Heard:
    def __init__(self) -> None:
        self.all: list[RecordedDecision] = []

    def decided(self, request: Request, decided: RecordedDecision) -> None:
        assert request.messages
        self.all.append(decided)


def test_a_rewrite_that_fails_is_a_decision_that_was_not_applied() -> None:
    heard = Heard()
    service = make_service(LengthDecider(), sinks=[heard])
    parsed = parse_body(chat())
    decided = service.answer(parsed.request)

    def fail(_: Decision, __: Arm | None) -> Rewrite:
        raise BadRequest("no")

    with pytest.raises(BadRequest):
        rewrite_decided(service, parsed, decided, "litellm", fail)
    assert [each.applied for each in heard.all] == [Applied(None, None, FAILED, integration="litellm")]


def test_sinks_hear_once_of_what_was_applied(caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard()
    service = make_service(LengthDecider(), sinks=[heard])
    parsed = parse_body(chat())
    decided = service.answer(parsed.request)
    rewriting = rewrite_decided(
        service, parsed, decided, "rewrite", lambda decision, arm: apply_decision(chat(), parsed, decision, arm=arm)
    )
    assert not heard.all
    notify_rewritten(service, rewriting)
    assert [each.served_arm for each in heard.all] == ["direct"]
    with caplog.at_level(logging.ERROR, "thinkgate.applied"):
        notify_rewritten(service, replace(rewriting, rewritten=None))  # type: ignore[arg-type]  # a fault of ours
    assert len(heard.all) == 2
    assert heard.all[1].applied == Applied(None, None, FAILED, integration="rewrite")
    assert heard.all[1].served_arm is None


def test_a_body_that_cannot_be_read_is_counted() -> None:
    passed: list[tuple[str, str]] = []
    plain = make_service(LengthDecider())
    service = DecisionService(plain.slot, "baseline", lambda: 0, str, passed_over=lambda *told: passed.append(told))
    with counting_unread(service, "rewrite"):
        pass
    with pytest.raises(BadRequest), counting_unread(service, "rewrite"):
        raise BadRequest("no")
    assert passed == [("body_unread", "rewrite")]
