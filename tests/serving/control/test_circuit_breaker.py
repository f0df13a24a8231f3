"""The state machine of one arm: it sheds on a fault, holds, probes, recovers, and never flaps."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.control.circuit_breaker import BreakerState, Phase, on_outcome, on_tick
from serving.control.decayed_stats import DecayedRatio, decay
from serving.decision.policy.controls import HealthSettings

GUARDS = HealthSettings(min_calls=10, hold_seconds=30.0, probes=5, half_life_seconds=60.0)


def calls(
    watch: BreakerState, failed: list[bool], start: float, step: float = 1.0, guards: HealthSettings = GUARDS
) -> BreakerState:
    for number, bad in enumerate(failed):
        watch = on_outcome(watch, guards, bad, start + number * step, start + number * step)
    return watch


def test_a_fault_sheds_once_enough_calls_tell_of_it() -> None:
    assert calls(BreakerState(), [True] * 8, 0.0).phase == "serving"
    shed = calls(BreakerState(), [True] * 10, 0.0)
    assert (shed.phase, shed.hold, shed.why) == ("shed", 30.0, "100% of its calls time out or are late")


def test_an_arm_that_mostly_works_is_kept() -> None:
    assert calls(BreakerState(), [number % 10 == 0 for number in range(400)], 0.0).phase == "serving"


def test_after_the_hold_it_is_probed_and_recovers() -> None:
    shed = calls(BreakerState(), [True] * 10, 0.0)
    assert on_tick(shed, GUARDS, shed.since + 29.9).phase == "shed"
    probing = on_tick(shed, GUARDS, shed.since + 30.0)
    assert probing.phase == "probing"
    served = calls(probing, [False] * 5, probing.since)
    assert (served.phase, served.calls, served.failed) == ("serving", 0.0, 0.0)


def test_a_failed_probe_doubles_the_hold_up_to_a_limit() -> None:
    watch, holds = calls(BreakerState(), [True] * 10, 0.0), []
    for _ in range(7):
        holds.append(watch.hold)
        watch = on_tick(watch, GUARDS, watch.since + watch.hold)
        watch = calls(watch, [True], watch.since)
    assert holds == [30.0, 60.0, 120.0, 240.0, 480.0, 480.0, 480.0]


def test_calls_sent_before_it_was_probed_say_nothing() -> None:
    shed = calls(BreakerState(), [True] * 10, 0.0)
    probing = on_tick(shed, GUARDS, shed.since + 30.0)
    assert on_outcome(probing, GUARDS, True, shed.since - 1.0, probing.since + 1.0) == probing


def test_long_service_earns_the_short_hold_again() -> None:
    shed = calls(BreakerState(), [True] * 10, 0.0)
    served = calls(on_tick(shed, GUARDS, 1000.0), [False] * 5, 1000.0)
    assert served.doublings == 1
    assert on_tick(served, GUARDS, served.since + 300.0).doublings == 0


faults = st.lists(st.tuples(st.floats(0.01, 40.0), st.booleans()), max_size=300)


@settings(deadline=None, max_examples=60)
@given(faults)
def test_it_never_comes_back_before_its_hold_is_over(steps: list[tuple[float, bool]]) -> None:
    watch, now, shed_at = BreakerState(), 0.0, []
    for wait, failed in steps:
        now += wait
        after = on_outcome(watch, GUARDS, failed, now, now)
        if after.phase == "shed" and watch.phase != "shed":
            shed_at.append(now)
            assert after.hold >= GUARDS.hold_seconds
        if watch.phase == "shed" and after.phase != "shed":
            assert now - watch.since >= watch.hold
        assert not (watch.phase == "shed" and after.phase == "serving")
        assert 0.0 <= after.failed <= after.calls + 1e-9
        watch = after
    assert all(two - one >= GUARDS.hold_seconds for one, two in pairwise(shed_at))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.5, 1.0), st.floats(0.1, 2.0))
def test_it_sheds_during_a_fault_and_recovers_after_it(seed: int, rate: float, step: float) -> None:
    """Calls come every `step` seconds; between 200 s and 500 s `rate` of them fail. A shed arm sees 5 % as probes."""
    rng = random.Random(seed)
    watch, now, phases = BreakerState(), 0.0, dict[Phase, float](serving=0.0, shed=0.0, probing=0.0)
    while now < 6000.0:
        now += step
        watch = on_tick(watch, GUARDS, now)
        if watch.phase == "serving" or (watch.phase == "probing" and rng.random() < 0.05):
            faulty = 200.0 <= now < 500.0
            watch = on_outcome(watch, GUARDS, rng.random() < (rate if faulty else 0.02), now, now)
        if 260.0 <= now < 500.0:
            phases[watch.phase] += step
    assert phases["serving"] < 0.35 * sum(phases.values())
    assert watch.phase == "serving"


@given(st.floats(0, 1e4), st.floats(0, 1e5), st.floats(1, 1e4), st.floats(0, 100))
def test_what_is_kept_is_a_share_that_never_grows(weight: float, seconds: float, life: float, few: float) -> None:
    share = decay(weight, seconds, life, few)
    assert 0.0 <= share <= 1.0
    assert decay(weight, seconds * 2, life, few) <= share + 1e-12
    assert share >= 0.5 ** (seconds / life) - 1e-12


def test_a_quiet_arm_remembers_its_last_calls_for_a_while() -> None:
    ratio = DecayedRatio()
    for second in range(0, 6000, 300):  # a call every five minutes, each at twice its forecast
        ratio = ratio.updated(200.0, 100.0, float(second), 60.0, 20.0)
    assert ratio.calls > 5.0
    assert ratio.factor(0.0) == 2.0
    assert ratio.decayed(100_000.0, 60.0, 20.0).factor(20.0) < 1.01


def test_one_absurd_call_does_not_rule() -> None:
    assert DecayedRatio().updated(1e9, 100.0, 0.0, 60.0, 20.0).factor(20.0) < 1.5
