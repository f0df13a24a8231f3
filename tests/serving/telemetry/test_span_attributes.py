"""Span attributes: the GenAI conventions' names, only what is known, and nothing that a caller wrote freely."""

from __future__ import annotations

from dataclasses import replace

from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

from serving.decision.types import Message, Request
from serving.journal.rows import OutcomeRow
from serving.telemetry.span_attributes import decision_attributes, outcome_attributes
from tests.support.fakes import LengthDecider
from tests.support.journal_rows import decision

DECISION = LengthDecider().decide(Request((Message("user", "CANARY"),), tenant="CANARY", task="CANARY"))
REPORT = OutcomeRow("d", 2.0, 0.5, 10, 2, 300, 200, 0.01, 1.5, 4000.0, 1, "timeout", "CANARY", "CANARY")


def test_a_decision_shows_the_forecast_of_the_arm_that_was_chosen() -> None:
    found = decision_attributes(DECISION)
    assert found["gen_ai.request.model"] == "gpt-5.1"
    assert found["thinkgate.arm"] == "direct"
    assert found["thinkgate.fallback"] == "none"
    assert found["thinkgate.expected.success"] == DECISION.estimates["direct"].success
    assert found["thinkgate.expected.output_tokens"] == DECISION.estimates["direct"].output_tokens


def test_a_fallback_without_estimates_shows_none() -> None:
    found = decision_attributes(replace(DECISION, estimates={}, fallback="baseline"))
    assert found["thinkgate.fallback"] == "baseline"
    assert not [name for name in found if name.startswith("thinkgate.expected")]


def test_an_outcome_takes_model_and_arm_from_the_decision_and_not_from_the_reporter() -> None:
    found = outcome_attributes(REPORT, decision("d", arm="high", model="gpt-5.1"))
    assert (found["gen_ai.request.model"], found["thinkgate.arm"]) == ("gpt-5.1", "high")
    assert (found["gen_ai.usage.output_tokens"], found["gen_ai.usage.reasoning.output_tokens"]) == (300, 200)
    assert found["error.type"] == "timeout"
    assert "CANARY" not in {**found, **decision_attributes(DECISION)}.values()


def test_what_is_not_known_is_left_out() -> None:
    found = outcome_attributes(OutcomeRow("d", 2.0, success=0.0), None)
    assert found == {"gen_ai.operation.name": "chat", "thinkgate.decision_id": "d", "thinkgate.success": 0.0}


def test_genai_names_are_the_conventions_own() -> None:
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI")}
    names = {*decision_attributes(DECISION), *outcome_attributes(REPORT, decision("d"))}
    assert {name for name in names if name.startswith("gen_ai.")} <= known
    assert all(name.startswith(("thinkgate.", "gen_ai.", "error.type")) for name in names)
