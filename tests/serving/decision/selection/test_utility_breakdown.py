"""Utility breakdowns: worked out by hand once, and always consistent with the decision."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.selection.decide import ForeignRecord
from serving.decision.selection.runtime_state import ArmHealth, RuntimeState, Session
from serving.decision.selection.utility_breakdown import UtilityBreakdown, utility_breakdown
from serving.decision.types import Prediction, Usd
from tests.support.policy_cases import ask, engine, forecast, policy


def breakdown_of(
    runtime_state: RuntimeState, prediction: Prediction | None = None, **terms: object
) -> UtilityBreakdown:
    deciding = engine(prediction, policy(**terms))  # type: ignore[arg-type]
    return utility_breakdown(deciding.record(ask(value_of_success_usd=Usd(0.4)), runtime_state), deciding.bound_policy)


def test_the_utility_of_an_arm_by_hand() -> None:
    health = {"high": ArmHealth(latency_factor=2.0, why="slow")}
    runtime_state = RuntimeState(1000, 0.5, session=Session("low", cached_tokens=400), health=health, uniform=0.25)
    breakdown = breakdown_of(
        runtime_state, forecast((0.1, 0.15), half=0.02), latency_usd_per_second=0.001, switching_cost_usd=0.003
    )
    high = breakdown.arms["high"]
    # 600 fresh and 400 cached prompt tokens, 3,000 out, 2 % retries; at 1, 0.1 and 10 USD per million
    cost = 1.02 * (600e-6 + 400e-7 + 3000e-5)
    assert high.cost_usd == pytest.approx(cost)
    assert high.weighed_cost_usd == pytest.approx(1.5 * cost)
    assert high.latency_usd == pytest.approx(40 * 0.001)
    assert high.switching_usd == 0.003
    assert high.utility_usd == pytest.approx(0.4 * 0.75 - 1.5 * cost - 0.04 - 0.003)
    direct = 1.02 * (600e-6 + 400e-7 + 200e-5)
    taken = 1.5 * (cost - direct) + 0.039  # both change the arm of the session
    assert high.net_usd == pytest.approx(0.4 * 0.15 - taken)
    assert (high.net_lower_usd, high.net_upper_usd) == pytest.approx((0.4 * 0.13 - taken, 0.4 * 0.17 - taken))
    assert breakdown.arms["direct"].net_usd == 0.0
    assert (breakdown.compared_with, breakdown.cost_factor) == ("direct", 1.5)
    assert (breakdown.draw, breakdown.input_tokens) == (0.25, 1000)
    assert high.health.why == "slow"


def test_limits_and_what_overruled_utility() -> None:
    breakdown = breakdown_of(RuntimeState(), deadline_ms=15_000, max_cost_usd=0.02)
    assert [(each.in_time, each.affordable) for each in breakdown.arms.values()] == [
        (True, True),
        (True, True),
        (False, False),
    ]
    assert breakdown.decision.arm == "low"
    drawn = breakdown_of(RuntimeState(uniform=0.0), forecast((0.0, 0.0)), low_support="explore", min_support=1.0)
    assert drawn.because in ("explored", "utility")


probability = st.floats(0.0, 0.4)


@given(
    uplift=st.tuples(probability, probability),
    multiplier=st.floats(-0.9, 5.0),
    second=st.sampled_from([0.0, 0.0005, 0.01]),
    uniform=st.floats(0.0, 0.999),
)
def test_the_chosen_arm_has_the_highest_net_benefit(
    uplift: tuple[float, float], multiplier: float, second: float, uniform: float
) -> None:
    runtime_state = RuntimeState(cost_multiplier=multiplier, uniform=uniform)
    breakdown = breakdown_of(runtime_state, forecast(uplift), latency_usd_per_second=second)
    if breakdown.because == "utility":
        best = max(each.net_usd for each in breakdown.arms.values())
        assert breakdown.arms[breakdown.decision.arm].net_usd == pytest.approx(best, abs=1e-12)
    for each in breakdown.arms.values():
        total = each.success_usd - each.weighed_cost_usd - each.latency_usd - each.switching_usd
        assert each.utility_usd == pytest.approx(total)
        assert each.net_lower_usd <= each.net_usd <= each.net_upper_usd
    assert breakdown.decision.estimates.keys() == breakdown.arms.keys()


def test_it_is_the_decision_itself_to_the_bit() -> None:
    deciding = engine()
    decided = deciding.decide_recorded(ask(), RuntimeState(uniform=0.5))
    assert decided.record is not None
    assert utility_breakdown(decided.record, deciding.bound_policy).decision == replace(decided.decision, elapsed_us=0)


def test_a_record_of_another_policy_is_refused() -> None:
    record = engine().record(ask())
    with pytest.raises(ForeignRecord, match="made under"):
        utility_breakdown(record, engine(policy=policy(maybe="reason")).bound_policy)
