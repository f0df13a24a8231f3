"""The five ways in which thinking fails, seen from reported outcomes."""

from __future__ import annotations

import logging
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.control.arm_health import ArmHealthMonitor, HealthSnapshot
from serving.control.outcome_matching import MatchedOutcome
from serving.decision.policy.controls import HealthSettings

GUARDS = HealthSettings(min_calls=10, hold_seconds=30.0, probes=5)
ARMS = ("direct", "low", "high")
WENT_WELL = MatchedOutcome("high", "maths", None, 0.0, 0.8, 1000.0, 8000.0, 20_000.0, 0.03)


def told(
    count: int, arm: str = "high", guards: HealthSettings = GUARDS, start: float = 0.0, **said: Any
) -> HealthSnapshot:
    return tell(ArmHealthMonitor(), count, arm, guards, start, **said)


def tell(
    watched: ArmHealthMonitor,
    count: int,
    arm: str = "high",
    guards: HealthSettings = GUARDS,
    at: float = 0.0,
    hidden_share: float | None = None,
    **said: Any,
) -> HealthSnapshot:
    for number in range(count):
        now = at + number
        watched.note(replace(WENT_WELL, arm=arm, decided_at=now, **said), guards, "direct", now, hidden_share)
    return watched.look(guards, ARMS, at + count)


def test_a_timeout_cascade_is_shed_and_the_probe_is_let_through(caplog: pytest.LogCaptureFixture) -> None:
    watched = ArmHealthMonitor()
    with caplog.at_level(logging.WARNING):
        health = tell(watched, 12, failure_mode="timeout")
    assert health.arms["high"].shed
    assert health.arms["high"].why == "100% of its calls time out or are late"
    assert health.states["high"].phase == "shed"
    assert "arm high: serving -> shed" in caplog.text
    later = watched.look(GUARDS, ARMS, 60.0)
    assert later.arms["high"].shed
    assert "high" not in later.probed
    assert later.states["high"].phase == "probing"
    assert tell(watched, 5, at=61.0, latency_ms=7000.0).states["high"].phase == "serving"


def test_late_calls_shed_as_timeouts_do() -> None:
    assert told(12, latency_ms=40_001.0).arms["high"].shed
    assert told(12, latency_ms=39_999.0).states["high"].phase == "serving"


def test_the_baseline_is_never_shed() -> None:
    health = told(50, arm="direct", failure_mode="timeout")
    assert "direct" not in health.arms
    assert (health.states["direct"].phase, health.states["direct"].failing) == ("serving", 1.0)


def test_token_bloat_raises_an_alarm_and_the_cost_of_the_arm(caplog: pytest.LogCaptureFixture) -> None:
    watched = ArmHealthMonitor()
    with caplog.at_level(logging.INFO):
        health = tell(watched, 30, output_tokens=2000)
        assert health.states["high"].bloated
        assert health.arms["high"].tokens_factor == pytest.approx(1.75, abs=0.1)
        still = tell(watched, 30, at=100.0, output_tokens=1200)
        over = tell(watched, 400, at=200.0, output_tokens=1000)
    assert still.states["high"].bloated
    assert not over.states["high"].bloated
    assert over.states["high"].tokens_factor == pytest.approx(1.0, abs=0.05)
    on, off = (record.getMessage() for record in caplog.records)
    assert on == "token bloat: high writes 2.00 times the tokens that were forecast"
    assert off.startswith("token bloat is over: high writes 1.")


def test_hidden_tokens_are_held_against_hidden_tokens_where_both_are_known(caplog: pytest.LogCaptureFixture) -> None:
    # 1,000 forecast, 800 of them hidden. A long answer is no bloat; long thinking behind a short one is.
    long_answer = tell(ArmHealthMonitor(), 30, hidden_share=0.8, output_tokens=1900, reasoning_tokens=800)
    assert not long_answer.states["high"].bloated
    assert long_answer.states["high"].hidden_factor == 1.0
    assert long_answer.arms["high"].tokens_factor > 1.5
    with caplog.at_level(logging.WARNING):
        long_thought = tell(ArmHealthMonitor(), 30, hidden_share=0.8, output_tokens=1400, reasoning_tokens=1360)
    assert long_thought.states["high"].bloated
    assert long_thought.states["high"].hidden_factor == pytest.approx(1.5, abs=0.1)
    assert caplog.messages == ["token bloat: high writes 1.70 times the hidden tokens that were forecast"]
    for share, hidden in ((0.8, None), (None, 800)):
        unknown = tell(ArmHealthMonitor(), 30, hidden_share=share, output_tokens=1900, reasoning_tokens=hidden)
        assert unknown.states["high"].bloated
        assert unknown.states["high"].hidden_factor is None


def test_a_slow_arm_is_forecast_to_be_slow() -> None:
    assert told(30, latency_ms=16_000.0).arms["high"].latency_factor == pytest.approx(1.75, abs=0.1)
    assert told(30, retries=1).arms["high"].expected_retries == pytest.approx(0.75, abs=0.1)


@pytest.mark.parametrize("mode", ["verbose_wrong_answer", "task_drift", "false_confidence"])
def test_an_arm_that_does_not_deliver_loses_its_lead_at_that_task(mode: str) -> None:
    watched = ArmHealthMonitor()
    tell(watched, 60, task="writing", success=1.0)
    health = tell(watched, 60, task="maths", success=0.0, failure_mode=mode)
    assert health.shifts["maths"] == {"high": -0.3}
    assert health.shifts["writing"]["high"] > 0.0
    assert watched.look(GUARDS, ARMS, 5 * 86_400.0).shifts == {}
    off = replace(GUARDS, max_success_shift=0.0)
    assert tell(ArmHealthMonitor(), 60, guards=off, success=0.0).shifts == {}


def test_any_number_of_made_up_tasks_fits() -> None:
    watched = ArmHealthMonitor()
    for number in range(5000):
        watched.note(replace(WENT_WELL, task=str(number), success=0.0), GUARDS, "direct", float(number))
    assert len(watched._delivered) == 2048


def test_arms_that_are_gone_are_not_told_of() -> None:
    watched = ArmHealthMonitor()
    tell(watched, 12, arm="gone", failure_mode="timeout")
    assert watched.look(GUARDS, ARMS, 20.0).arms == {}


outcomes = st.builds(
    MatchedOutcome,
    arm=st.sampled_from(ARMS),
    task=st.none() | st.sampled_from(("maths", "writing")),
    tenant=st.none(),
    decided_at=st.floats(0, 1e4),
    expected_success=st.floats(0, 1),
    expected_tokens=st.floats(0, 1e5),
    expected_latency_ms=st.none() | st.floats(0, 1e6),
    expected_latency_p95_ms=st.floats(0, 1e6),
    expected_cost_usd=st.floats(0, 10),
    success=st.none() | st.floats(0, 1),
    output_tokens=st.none() | st.integers(0, 10**9),
    reasoning_tokens=st.none() | st.integers(0, 10**9),
    latency_ms=st.none() | st.floats(0, 1e9),
    retries=st.none() | st.integers(0, 100),
    failure_mode=st.none() | st.sampled_from(("timeout", "token_bloat", "task_drift", "made up")),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 100), outcomes), max_size=80), st.none() | st.floats(0.001, 1.0))
def test_whatever_is_reported_health_stays_in_bounds(
    steps: list[tuple[float, MatchedOutcome]], share: float | None
) -> None:
    watched, now = ArmHealthMonitor(), 0.0
    for wait, outcome in steps:
        now += wait
        watched.note(outcome, GUARDS, "direct", now, share)
        health = watched.look(GUARDS, ARMS, now)
        for arms in (health.arms, health.probed):
            assert not ("direct" in arms and arms["direct"].shed)
            for arm in arms.values():
                assert 0.25 <= arm.tokens_factor <= 4.0
                assert 0.25 <= arm.latency_factor <= 4.0
                assert arm.expected_retries is None or 0.0 <= arm.expected_retries <= 10.0
        for state in health.states.values():
            assert state.hidden_factor is None or 0.25 <= state.hidden_factor <= 4.0
        for shifts in health.shifts.values():
            assert all(-0.3 <= shift <= 0.3 for shift in shifts.values())


def test_a_fault_that_comes_and_goes_does_not_make_it_flap() -> None:
    """Fifteen seconds of fault, fifteen without, for an hour: it is shed at most once per hold."""
    rng, watched, changes, before = random.Random(1), ArmHealthMonitor(), 0, "serving"
    for second in range(3600):
        now = float(second)
        state = watched.look(GUARDS, ARMS, now).states.get("high")
        phase = state.phase if state else "serving"
        changes += phase == "shed" != before
        before = phase
        if phase == "serving" or (phase == "probing" and rng.random() < 0.2):
            faulty = second // 15 % 2 == 0
            watched.note(
                replace(WENT_WELL, decided_at=now, failure_mode="timeout" if faulty else None, latency_ms=1.0),
                GUARDS,
                "direct",
                now,
            )
    assert 1 <= changes <= 3600 / 60
