"""Decision metrics: counted as decided and reported, and no caller chooses a label value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.decision.engine import Engine
from serving.decision.prior.model import PriorModel
from serving.decision.types import Applied, Message, Request
from serving.journal.rows import OutcomeRow
from serving.telemetry.decision_metrics import DecisionMetrics
from serving.telemetry.instruments import MetricRegistry
from serving.telemetry.prometheus import PrometheusExposition
from serving.telemetry.shared_board import SharedBoard
from tests.support.fakes import ARMS
from tests.support.journal_rows import decision
from tests.support.prometheus_samples import sample_value, samples_of

NAMES = ("direct", "reasoning")
REQUEST = Request((Message("user", "What is 17 * 23?"),))
REASONING = decision("d", arm="reasoning", expected_output_tokens=2000.0)


@pytest.fixture
def metrics() -> tuple[DecisionMetrics, PrometheusExposition]:
    registry = MetricRegistry()
    return DecisionMetrics(registry, lambda: NAMES), PrometheusExposition(registry, SharedBoard(1))


def test_decisions_are_counted_as_they_were_made(metrics: tuple[DecisionMetrics, PrometheusExposition]) -> None:
    counted, exposition = metrics
    engine = Engine(PriorModel(ARMS), arms=ARMS)
    made = [engine.decide_recorded(Request((Message("user", f"What is {n} * 3?"),))) for n in range(7)]
    for decided in made:
        counted.decided(REQUEST, decided)
        counted.observe_duration(100_000, 200_000, 3_000)
    decisions = [decided.decision for decided in made]
    found = samples_of(exposition)
    assert sum(value for (name, _), value in found.items() if name == "thinkgate_decisions_total") == 7
    cost = sum(decision.estimates[decision.arm].cost_usd for decision in decisions)
    shown = sum(value for (name, _), value in found.items() if name == "thinkgate_expected_cost_usd_total")
    assert shown == pytest.approx(cost)
    for arm in NAMES:
        whole = sum(decision.estimates[arm].cost_usd for decision in decisions)
        assert sample_value(exposition, "thinkgate_alternative_cost_usd_total", arm=arm) == pytest.approx(whole)
    assert sample_value(exposition, "thinkgate_stage_seconds_count", stage="engine") == 7
    parts = [sample_value(exposition, "thinkgate_stage_seconds_sum", stage=stage) for stage in ("forecast", "policy")]
    assert min(parts) >= 0.0
    assert sum(parts) == pytest.approx(sample_value(exposition, "thinkgate_stage_seconds_sum", stage="engine"))
    assert sample_value(exposition, "thinkgate_stage_seconds_sum", stage="decide") == pytest.approx(7 * 200e-6)
    assert sample_value(exposition, "thinkgate_stage_seconds_bucket", stage="read", le="0.0001") == 7


def test_outcomes_stand_beside_what_was_expected(metrics: tuple[DecisionMetrics, PrometheusExposition]) -> None:
    counted, exposition = metrics
    outcome = OutcomeRow("d", 2.0, 1.0, 100, 50, 3000, 2500, 0.03, None, 4000.0, 1, "token_bloat")
    counted.reported(outcome, REASONING)
    counted.reported(OutcomeRow("d", 3.0, success=0.0), None)
    assert sample_value(exposition, "thinkgate_outcomes_total", arm="reasoning", result="success") == 1
    assert sample_value(exposition, "thinkgate_outcomes_total", arm="other", result="failure") == 1
    assert sample_value(exposition, "thinkgate_realised_tokens_total", arm="reasoning", kind="reasoning") == 2500
    assert sample_value(exposition, "thinkgate_realised_cost_usd_total", arm="reasoning") == 0.03
    for side, tokens in (("expected", 2000.0), ("realised", 3000.0)):
        labels = {"arm": "reasoning", "quantity": "output_tokens", "side": side}
        assert sample_value(exposition, "thinkgate_matched_total", **labels) == tokens
    assert sample_value(exposition, "thinkgate_failures_total", arm="reasoning", failure_mode="token_bloat") == 1
    assert sample_value(exposition, "thinkgate_call_seconds_bucket", arm="reasoning", le="4.0") == 1


def test_reporters_choose_no_labels(metrics: tuple[DecisionMetrics, PrometheusExposition]) -> None:
    counted, exposition = metrics
    counted.reported(OutcomeRow("d", 2.0, success=1.0, arm="CANARY", failure_mode="CANARY"), None)
    counted.reported(OutcomeRow("d", 2.0, success=1.0, arm="CANARY"), REASONING)
    counted.reported(OutcomeRow("d", 2.0, success=1.0, arm="direct"), None)
    body, _ = exposition.render()
    assert b"CANARY" not in body
    assert sample_value(exposition, "thinkgate_outcomes_total", arm="other", result="success") == 2
    assert sample_value(exposition, "thinkgate_outcomes_total", arm="direct", result="success") == 1


def test_only_calls_with_a_known_truth_are_compared(metrics: tuple[DecisionMetrics, PrometheusExposition]) -> None:
    counted, exposition = metrics
    counted.reported(OutcomeRow("d", 2.0, success=1.0), decision("d", arm="direct", fallback="baseline"))
    counted.reported(OutcomeRow("d", 2.0, success=1.0, arm="reasoning"), decision("d", arm="direct"))
    assert not [name for name, _ in samples_of(exposition) if name == "thinkgate_matched_total"]
    counted.reported(OutcomeRow("d", 2.0, cost_usd=0.5), decision("d", arm="direct", expected_cost_usd=0.25))
    labels = {"arm": "direct", "quantity": "cost_usd"}
    assert sample_value(exposition, "thinkgate_matched_total", side="expected", **labels) == 0.25
    assert sample_value(exposition, "thinkgate_matched_total", side="realised", **labels) == 0.5


def test_what_was_not_applied_is_counted_by_reason_and_integration(
    metrics: tuple[DecisionMetrics, PrometheusExposition],
) -> None:
    counted, exposition = metrics
    engine = Engine(PriorModel(ARMS), arms=ARMS)
    decided = engine.decide_recorded(REQUEST)
    other = next(name for name in NAMES if name != decided.decision.arm)
    conflict = Applied("gpt-5.1", "none", "conflict:temperature", other, 1.0, "ext_proc")
    counted.decided(REQUEST, replace(decided, applied=conflict))
    counted.decided(REQUEST, replace(decided, applied=Applied("x", None, "unknown_model", None, None, "litellm")))
    counted.decided(REQUEST, replace(decided, applied=replace(conflict, not_applied="", arm=decided.decision.arm)))
    counted.decided(REQUEST, decided)
    counted.passed_over("not_a_chat", "ext_proc")
    for reason, integration in (("conflict:temperature", "ext_proc"), ("unknown_model", "litellm")):
        labels = {"reason": reason, "integration": integration}
        assert sample_value(exposition, "thinkgate_not_applied_total", **labels) == 1
    found = samples_of(exposition)
    assert sum(value for (name, _), value in found.items() if name == "thinkgate_not_applied_total") == 3
    # What is spent is the applied arm's: one call the other arm's, two the decided one's, one nobody's.
    estimates = decided.decision.estimates
    assert sample_value(exposition, "thinkgate_expected_cost_usd_total", arm=other) == estimates[other].cost_usd


def test_reasons_choose_no_labels(metrics: tuple[DecisionMetrics, PrometheusExposition]) -> None:
    counted, exposition = metrics
    for reason in ("conflict:CANARY", "CANARY", "conflict:"):
        counted.passed_over(reason, "rewrite")
    body, _ = exposition.render()
    assert b"CANARY" not in body
    labels = {"integration": "rewrite"}
    assert sample_value(exposition, "thinkgate_not_applied_total", reason="conflict:other", **labels) == 2
    assert sample_value(exposition, "thinkgate_not_applied_total", reason="other", **labels) == 1


def test_a_report_of_another_effort_is_of_no_arm(metrics: tuple[DecisionMetrics, PrometheusExposition]) -> None:
    counted, exposition = metrics
    row = decision("d", arm="reasoning", effort="high")
    counted.reported(OutcomeRow("d", 2.0, success=1.0, applied_effort="none"), row)
    counted.reported(OutcomeRow("d", 2.0, success=1.0, applied_effort="high"), row)
    applied = decision("d", arm="reasoning", applied_model="gpt-5.1", applied_effort="none", applied_arm="direct")
    counted.reported(OutcomeRow("d", 2.0, success=1.0, applied_effort="none"), applied)
    labels = {"reason": "reported", "integration": "caller"}
    assert sample_value(exposition, "thinkgate_not_applied_total", **labels) == 1
    for arm in ("other", "reasoning", "direct"):
        assert sample_value(exposition, "thinkgate_outcomes_total", arm=arm, result="success") == 1
    matched = [labels for (name, labels) in samples_of(exposition) if name == "thinkgate_matched_total"]
    assert {dict(labels)["arm"] for labels in matched} == {"reasoning", "direct"}
