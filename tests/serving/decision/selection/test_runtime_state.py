"""Runtime state: combining two sources, and applying the shifts of a task."""

from __future__ import annotations

import pytest

from serving.decision.selection.runtime_state import NEUTRAL, ArmHealth, RuntimeState, Session, combine_states

HEALTH = ArmHealth(latency_factor=2.0, success_shift=-0.1, expected_retries=0.2, why="slow")


def test_the_neutral_state_leaves_the_other_unchanged() -> None:
    state = RuntimeState(input_tokens=5)
    assert combine_states(NEUTRAL, state) is state
    assert combine_states(state, NEUTRAL) is state


def test_cost_factors_multiply() -> None:
    both = combine_states(RuntimeState(cost_multiplier=0.5), RuntimeState(cost_multiplier=-0.5))
    assert both.cost_multiplier == pytest.approx(1.5 * 0.5 - 1.0)


def test_the_first_source_with_a_value_wins() -> None:
    first = RuntimeState(input_tokens=0, session=None, headers={"a": "1"}, uniform=0.0)
    second = RuntimeState(input_tokens=9, session=Session("low"), headers={"a": "2", "b": "3"}, uniform=0.9)
    both = combine_states(first, second)
    assert (both.input_tokens, both.uniform) == (0, 0.0)
    assert both.session == Session("low")
    assert both.headers == {"a": "1", "b": "3"}


def test_one_source_is_enough_to_stop_exploration() -> None:
    assert not combine_states(RuntimeState(explore=False), RuntimeState(input_tokens=1)).explore
    assert not combine_states(RuntimeState(input_tokens=1), RuntimeState(explore=False)).explore


def test_health_of_the_same_arm_is_combined_and_of_others_kept() -> None:
    other = ArmHealth(latency_factor=1.5, success_shift=-0.2, shed=True, why="timeouts")
    both = combine_states(
        RuntimeState(health={"high": HEALTH}), RuntimeState(health={"high": other, "low": ArmHealth(shed=True)})
    )
    assert both.health["low"] == ArmHealth(shed=True)
    high = both.health["high"]
    assert (high.latency_factor, high.success_shift) == pytest.approx((3.0, -0.3))
    assert (high.expected_retries, high.shed, high.why) == (0.2, True, "slow; timeouts")


def test_shifts_of_the_task_are_added_to_known_and_to_healthy_arms() -> None:
    state = RuntimeState(health={"high": HEALTH}, task_shifts={"maths": {"high": -0.2, "low": 0.1}})
    health = state.of_task("maths")
    assert health["high"].success_shift == pytest.approx(-0.3)
    assert (health["high"].latency_factor, health["high"].why) == (2.0, "slow")
    assert health["low"] == ArmHealth(success_shift=0.1)
    assert state.health == {"high": HEALTH}


def test_an_unknown_task_has_the_shifts_of_the_empty_name() -> None:
    state = RuntimeState(task_shifts={"": {"high": -0.2}, "maths": {"high": 0.5}})
    assert state.of_task(None)["high"].success_shift == -0.2
    assert state.of_task("code") == {}
