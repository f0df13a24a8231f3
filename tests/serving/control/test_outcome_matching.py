"""A report is held against what was expected of its call, once per field, whoever decided it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.control.outcome_matching import OutcomeMatcher
from serving.decision.selection.runtime_state import ArmHealth, RuntimeState
from serving.journal.rows import DecisionRow, OutcomeRow
from tests.support.journal_rows import decision
from tests.support.policy_cases import NOW, ask, engine

SHIFTED = RuntimeState(health={"high": ArmHealth(success_shift=-0.02, tokens_factor=2.0, latency_factor=2.0)})


def test_what_guards_added_does_not_count_as_forecast() -> None:
    decided = engine().decide_recorded(ask(task="maths", tenant="acme", value_of_success_usd=50), SHIFTED)
    assert decided.decision.arm == "high"
    recall = OutcomeMatcher()
    recall.learn(decided)
    decision_id = decided.decision.decision_id
    outcome = recall.hold(OutcomeRow(decision_id, NOW, success=1.0, output_tokens=10), None)
    assert outcome is not None
    assert (outcome.arm, outcome.task, outcome.tenant, outcome.decided_at) == ("high", "maths", "acme", NOW)
    assert outcome.expected_success == pytest.approx(0.75)
    assert (outcome.expected_tokens, outcome.expected_latency_ms) == (3000.0, 20_000.0)
    assert outcome.expected_latency_p95_ms == 40_000.0


def test_each_field_counts_once_and_a_new_cost_takes_the_place_of_the_old() -> None:
    decided = engine().decide_recorded(ask())
    recall, decision_id = OutcomeMatcher(), decided.decision.decision_id
    recall.learn(decided)
    first = recall.hold(OutcomeRow(decision_id, NOW, success=0.0, cost_usd=0.5), None)
    second = recall.hold(OutcomeRow(decision_id, NOW + 1, success=1.0, cost_usd=0.7, latency_ms=9.0), None)
    third = recall.hold(OutcomeRow(decision_id, NOW + 2, cost_usd=0.7), None)
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.success, first.cost_usd, first.earlier_cost_usd) == (0.0, 0.5, None)
    assert (second.success, second.latency_ms, second.cost_usd, second.earlier_cost_usd) == (None, 9.0, 0.7, 0.5)
    assert third.cost_usd is None


def test_a_failure_that_says_wrong_counts_as_no_success() -> None:
    decided = engine().decide_recorded(ask())
    recall, decision_id = OutcomeMatcher(), decided.decision.decision_id
    recall.learn(decided)
    drift = recall.hold(OutcomeRow(decision_id, NOW, failure_mode="task_drift"), None)
    after = recall.hold(OutcomeRow(decision_id, NOW, success=1.0), None)
    assert drift is not None
    assert after is not None
    assert (drift.success, after.success) == (0.0, None)


def test_another_arm_than_decided_says_only_what_it_cost() -> None:
    decided = engine().decide_recorded(ask())
    recall = OutcomeMatcher()
    recall.learn(decided)
    other = OutcomeRow(decided.decision.decision_id, NOW, success=0.0, cost_usd=1.0, arm="low", failure_mode="timeout")
    outcome = recall.hold(other, None)
    assert outcome is not None
    assert (outcome.success, outcome.failure_mode, outcome.cost_usd) == (None, None, 1.0)


def row(decision_id: str, latency: float = 4000.0) -> DecisionRow:
    return decision(
        decision_id,
        decided_at=NOW,
        arm="high",
        expected_success=0.7,
        expected_cost_usd=0.02,
        expected_output_tokens=900.0,
        expected_latency_p95_ms=latency,
        task="maths",
    )


def test_a_decision_of_another_worker_is_known_from_the_journal() -> None:
    outcome = OutcomeMatcher().hold(OutcomeRow("x", NOW, success=1.0), row("x"))
    assert outcome is not None
    assert (outcome.arm, outcome.expected_success, outcome.expected_latency_p95_ms) == ("high", 0.7, 4000.0)
    assert OutcomeMatcher().hold(OutcomeRow("x", NOW, success=1.0), None) is None


def test_of_a_fallback_only_the_cost_counts() -> None:
    outcome = OutcomeMatcher().hold(
        OutcomeRow("x", NOW, success=0.0, latency_ms=9.0, cost_usd=0.2), row("x", latency=0.0)
    )
    assert outcome is not None
    assert (outcome.success, outcome.latency_ms, outcome.cost_usd) == (None, None, 0.2)


def test_it_is_bounded() -> None:
    recall, model = OutcomeMatcher(10), engine()
    for _ in range(25):
        recall.learn(model.decide_recorded(ask()))
    assert len(recall) == 10


def test_of_what_was_not_applied_only_the_cost_counts() -> None:
    matcher = OutcomeMatcher()
    unknown = replace(row("u"), applied_model="x", not_applied="unknown_model")
    found = matcher.hold(OutcomeRow("u", 2.0, success=0.0, cost_usd=0.5), unknown)
    assert found is not None
    assert (found.success, found.cost_usd) == (None, 0.5)


def test_a_report_of_another_effort_is_no_outcome_of_the_arm_nor_is_any_later_one() -> None:
    matcher = OutcomeMatcher()
    told = matcher.hold(OutcomeRow("r", 2.0, applied_effort="minimal", success=0.0), row("r"))
    later = matcher.hold(OutcomeRow("r", 3.0, retries=3, cost_usd=0.1), row("r"))
    assert told is not None
    assert later is not None
    assert (told.success, later.retries, later.cost_usd) == (None, None, 0.1)
    agrees = matcher.hold(OutcomeRow("a", 2.0, applied_effort=row("a").effort, success=0.0), row("a"))
    assert agrees is not None
    assert agrees.success == 0.0
