"""Circuit breaker per arm: a pure state machine that sheds a failing arm to the baseline and probes it.

    serving --(too many calls fail)--> shed --(hold is over)--> probing --(probes succeed)--> serving
                                         ^----(probes fail; the hold doubles)----'

Two thresholds and a hold part the two ends: an arm is shed above one share of failing calls, comes back below a lower
one, never before its hold is over, and is judged afresh when it is back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from serving.control.decayed_stats import decay
from serving.decision.policy import HealthSettings

Phase = Literal["serving", "shed", "probing"]

_MOST_DOUBLINGS: Final = 4
_CALM_HOLDS: Final = 10.0
"""An arm that served this many holds without being shed starts again with the shortest hold."""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What is known of one arm.

    Parameters
    ----------
    calls, failed
        Faded while it serves; plain counts of probes while it is probed.
    at
        Seconds of the last change.
    since
        Seconds at which the phase began.
    hold
        Seconds that the arm stays shed.
    doublings
        How often the hold was doubled.
    why
        What people are told of a shed arm.
    """

    phase: Phase = "serving"
    calls: float = 0.0
    failed: float = 0.0
    at: float = 0.0
    since: float = 0.0
    hold: float = 0.0
    doublings: int = 0
    why: str = ""

    @property
    def share(self) -> float:
        """Give the share of calls that failed."""
        return self.failed / self.calls if self.calls else 0.0


def on_outcome(
    watch: BreakerState, guards: HealthSettings, failed: bool, decided_at: float, now: float
) -> BreakerState:
    """Take in one reported call.

    Parameters
    ----------
    failed
        It timed out or was late.
    decided_at
        When it was sent: what was sent before the phase began says nothing about it.
    """
    watch = on_tick(watch, guards, now)
    if watch.phase == "shed" or (watch.phase == "probing" and decided_at < watch.since):
        return watch
    if watch.phase == "probing":
        return _probed(watch, guards, failed, now)
    left = decay(watch.calls, now - watch.at, guards.half_life_seconds, guards.min_calls)
    calls, bad = watch.calls * left + 1.0, watch.failed * left + failed
    watch = replace(watch, calls=calls, failed=bad, at=max(now, watch.at))
    # One call less than asked for: a sum that fades never quite reaches a whole number.
    if calls > guards.min_calls - 1.0 and watch.share > guards.shed_above:
        return _shed(watch, guards, now, f"{watch.share:.0%} of its calls time out or are late")
    return watch


def on_tick(watch: BreakerState, guards: HealthSettings, now: float) -> BreakerState:
    """Let time pass: a hold that is over gives way to probes, and long service is rewarded."""
    if watch.phase == "shed" and now - watch.since >= watch.hold:
        return BreakerState(
            "probing", at=now, since=now, hold=watch.hold, doublings=watch.doublings, why="probed again"
        )
    if watch.phase == "serving" and watch.doublings and now - watch.since >= _CALM_HOLDS * guards.hold_seconds:
        return replace(watch, doublings=0)
    return watch


def _probed(watch: BreakerState, guards: HealthSettings, failed: bool, now: float) -> BreakerState:
    watch = replace(watch, calls=watch.calls + 1.0, failed=watch.failed + failed, at=now)
    if watch.failed > guards.recover_below * guards.probes:
        return _shed(watch, guards, now, f"{watch.failed:.0f} of {watch.calls:.0f} probes failed")
    if watch.calls >= guards.probes:
        return BreakerState("serving", at=now, since=now, doublings=watch.doublings)
    return watch


def _shed(watch: BreakerState, guards: HealthSettings, now: float, why: str) -> BreakerState:
    hold = guards.hold_seconds * 2.0**watch.doublings
    return BreakerState(
        "shed", at=now, since=now, hold=hold, doublings=min(watch.doublings + 1, _MOST_DOUBLINGS), why=why
    )
