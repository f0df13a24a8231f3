"""Scores of the arms: worked out by hand, corrected by live health, limited by rules, deadline and cost cap."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.policy.policy import CallLimits, Policy, Rule
from serving.decision.selection.arm_scoring import (
    ArmScore,
    EffectiveLimits,
    EveryArmDenied,
    allowed_indices,
    effective_limits,
    score_arms,
)
from serving.decision.selection.decision_record import RequestContext
from serving.decision.selection.runtime_state import ArmHealth, RuntimeState, Session
from serving.decision.types import Effort, Usd
from tests.support.policy_cases import ask, engine, forecast, policy


def scores_of(runtime_state: RuntimeState, terms: Policy | None = None, **fields: Any) -> tuple[ArmScore, ...]:
    deciding = engine(forecast(), terms or policy(expected_retries=0.0))
    record = deciding.record(ask(**fields), runtime_state)
    bound_policy = deciding.bound_policy
    limits = effective_limits(record, bound_policy.policy.terms)
    return score_arms(record, bound_policy, bound_policy.policy.terms, limits)


def allowed(
    rules: tuple[Rule, ...], context: RequestContext | None = None, max_effort: Effort = "max"
) -> set[int] | None:
    ruled = policy(rules, max_effort=max_effort)
    bound_policy = engine(policy=ruled).bound_policy
    return allowed_indices(context or RequestContext(), {"x-tier": "batch"}, bound_policy, ruled.terms)


def test_scores_are_forecast_times_price() -> None:
    direct, low, high = scores_of(RuntimeState(input_tokens=1000))
    assert [score.cost_usd for score in (direct, low, high)] == pytest.approx([0.003, 0.009, 0.031])
    assert (direct.uplift, direct.uplift_lower, direct.uplift_upper) == (0.0, 0.0, 0.0)
    assert (high.uplift, high.uplift_lower, high.uplift_upper) == pytest.approx((0.15, 0.13, 0.17))
    assert (high.latency_ms, high.latency_p95_ms, high.tokens, high.tokens_p95) == (20_000, 40_000, 3_000, 6_000)
    assert all(score.allowed and score.sound and score.in_time and score.affordable for score in (direct, low, high))


def test_live_health_corrects_the_forecast() -> None:
    health = {
        "direct": ArmHealth(success_shift=-0.1),
        "high": ArmHealth(latency_factor=2.0, tokens_factor=1.5, success_shift=0.5, expected_retries=1.0, shed=True),
    }
    direct, _, high = scores_of(RuntimeState(input_tokens=1000, health=health))
    assert (high.latency_ms, high.tokens) == (40_000, 4_500)
    assert high.cost_usd == pytest.approx(2 * 0.046)
    assert high.success == 1.0  # 0.75 + 0.5, clipped
    assert high.uplift == pytest.approx(0.15 + 0.5 + 0.1)  # of both arms' shifts
    assert direct.success == pytest.approx(0.5)
    assert not high.sound


def test_retries_are_capped_by_the_limits_of_a_call() -> None:
    retrying = RuntimeState(input_tokens=1000, health={"high": ArmHealth(expected_retries=9.0)})
    assert scores_of(retrying, policy(limits=CallLimits(retries=2)))[2].cost_usd == pytest.approx(3 * 0.031)


def test_an_arm_of_another_model_loses_the_cache_and_pays_for_the_switch() -> None:
    session = RuntimeState(input_tokens=1000, session=Session("low", cached_tokens=400))
    direct, low, _ = scores_of(session, policy(expected_retries=0.0, switching_cost_usd=0.01))
    assert (direct.switching_usd, low.switching_usd) == (0.01, 0.0)
    assert low.cost_usd == pytest.approx(0.009 - 400 * 0.9e-6)
    unknown = RuntimeState(input_tokens=1000, session=Session("gone", cached_tokens=400))
    assert scores_of(unknown, policy(switching_cost_usd=0.01))[0].switching_usd == 0.0


def test_deadline_and_cost_cap_mark_the_arms_that_break_them() -> None:
    scores = scores_of(RuntimeState(input_tokens=1000), deadline_ms=12_000.0, max_cost_usd=Usd(0.01))
    assert [(score.in_time, score.affordable) for score in scores] == [(True, True), (True, True), (False, False)]


@pytest.mark.parametrize(
    ("requested", "of_policy", "expected"),
    [
        (None, None, EffectiveLimits(300_000.0, None)),
        (5_000.0, None, EffectiveLimits(5_000.0, None)),
        (None, 7_000.0, EffectiveLimits(7_000.0, None)),
        (9_000.0, 7_000.0, EffectiveLimits(9_000.0, None)),  # the request's own deadline replaces the policy's
        (900_000.0, None, EffectiveLimits(300_000.0, None)),  # the limit on total time always holds
    ],
)
def test_deadlines(requested: float | None, of_policy: float | None, expected: EffectiveLimits) -> None:
    terms = policy(deadline_ms=of_policy).terms
    assert effective_limits(engine().record(ask(deadline_ms=requested)), terms) == expected


def test_the_lower_cost_cap_holds() -> None:
    record = engine().record(ask(max_cost_usd=Usd(0.5)))
    caps = [effective_limits(record, policy(max_cost_usd=cap).terms).max_cost_usd for cap in (None, Usd(0.2), Usd(2.0))]
    assert caps == [0.5, 0.2, 0.5]


def test_rules_of_a_request_are_combined() -> None:
    assert allowed(()) is None
    assert allowed((Rule(deny=("low",)),)) == {0, 2}
    assert allowed((Rule(allow=("direct",)), Rule(allow=("high",)))) == {0, 2}
    assert allowed((Rule(allow=("direct", "high")), Rule(deny=("high",)))) == {0}
    assert allowed((Rule(deny=("high",), headers={"x-tier": "batch"}),)) == {0, 1}
    assert allowed((Rule(deny=("high",), tasks=("maths",)),)) == {0, 1, 2}
    assert allowed((Rule(deny=("high",), tasks=("maths",)),), RequestContext(task="maths")) == {0, 1}
    assert allowed((), max_effort="low") == {0, 1}


def test_a_request_without_an_allowed_arm_names_the_rules() -> None:
    rules = (Rule(allow=("high",), line=3), Rule(deny=("high",), line=8))
    with pytest.raises(EveryArmDenied, match=r"policy 'default' leaves no arm .* rules at line 3, 8\)"):
        allowed(rules)
    with pytest.raises(EveryArmDenied, match="max_effort minimal, rules at line -"):
        allowed((Rule(allow=("high",)),), max_effort="minimal")
