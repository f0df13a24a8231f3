"""Monitors arm health from reported outcomes: timeouts, token bloat, latency, retries and success against forecast."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from serving.control.circuit_breaker import BreakerState, Phase, on_outcome, on_tick
from serving.control.decayed_stats import DecayedRatio
from serving.control.outcome_matching import MatchedOutcome
from serving.control.success_bias import SuccessBias
from serving.decision.policy import HealthSettings
from serving.decision.selection import ArmHealth

logger = logging.getLogger("thinkgate.guards")

_FACTORS: Final = (0.25, 4.0)
"""Live figures move a forecast of tokens or latency within these factors."""
_MOST_PAIRS: Final = 2048
_USUAL_RETRIES: Final = 0.02
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class ArmStatus:
    """How one arm does, for metrics.

    Parameters
    ----------
    failing
        Share of its calls that time out or are late.
    tokens_factor, latency_factor
        Realised over forecast.
    hidden_factor
        Realised over forecast hidden tokens; None where reports or the bundle do not tell them.
    bloated
        The alarm of token bloat is on.
    """

    phase: Phase
    failing: float
    tokens_factor: float
    latency_factor: float
    hidden_factor: float | None
    bloated: bool


@dataclass(frozen=True, slots=True)
class HealthSnapshot:
    """How the arms do, as decisions take it in.

    Parameters
    ----------
    arms
        By name; arms of which nothing bad is known are left out.
    probed
        The same for a request that may take a shed arm: to see how it does by now.
    shifts
        By task ("" for unknown) and arm: what to add to P(success | arm).
    states
        Every watched arm.
    """

    arms: Mapping[str, ArmHealth] = field(default_factory=dict)
    probed: Mapping[str, ArmHealth] = field(default_factory=dict)
    shifts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    states: Mapping[str, ArmStatus] = field(default_factory=dict)


@dataclass(slots=True)
class _Arm:
    watch: BreakerState = field(default_factory=BreakerState)
    tokens: DecayedRatio = field(default_factory=DecayedRatio)
    hidden: DecayedRatio = field(default_factory=DecayedRatio)
    latency: DecayedRatio = field(default_factory=DecayedRatio)
    retries: DecayedRatio = field(default_factory=DecayedRatio)
    bloated: bool = False


class ArmHealthMonitor:
    """The watched arms of one process; belongs to one thread."""

    def __init__(self) -> None:
        self._arms: dict[str, _Arm] = {}
        self._delivered: OrderedDict[tuple[str, str], SuccessBias] = OrderedDict()

    def note(
        self,
        outcome: MatchedOutcome,
        guards: HealthSettings,
        baseline: str,
        now: float,
        hidden_share: float | None = None,
    ) -> None:
        """Take in one report.

        Parameters
        ----------
        baseline
            Name of the arm that is never shed, for it is what the others are shed to.
        hidden_share
            Of the arm's forecast tokens; None where it is not known.
        """
        arm = self._arms.setdefault(outcome.arm, _Arm())
        life, few = guards.half_life_seconds, float(guards.min_calls)
        late = outcome.latency_ms is not None and (
            outcome.latency_ms > guards.late_factor * outcome.expected_latency_p95_ms
        )
        timed_out = outcome.failure_mode == "timeout"
        if timed_out or outcome.latency_ms is not None or outcome.success is not None:
            before = arm.watch.phase
            rules = replace(guards, shed_above=1.0) if outcome.arm == baseline else guards
            arm.watch = on_outcome(arm.watch, rules, timed_out or late, outcome.decided_at, now)
            self._tell(outcome.arm, before, arm.watch)
        if outcome.output_tokens is not None and outcome.expected_tokens > 0.0:
            arm.tokens = arm.tokens.updated(outcome.output_tokens, outcome.expected_tokens, now, life, few)
        if outcome.reasoning_tokens is not None and hidden_share and outcome.expected_tokens > 0.0:
            expected = hidden_share * outcome.expected_tokens
            arm.hidden = arm.hidden.updated(outcome.reasoning_tokens, expected, now, life, few)
        if outcome.latency_ms is not None and outcome.expected_latency_ms:
            arm.latency = arm.latency.updated(outcome.latency_ms, outcome.expected_latency_ms, now, life, few)
        if outcome.retries is not None:
            arm.retries = arm.retries.updated(outcome.retries, 1.0, now, life, few)
        if outcome.success is not None:
            self._judge(outcome, guards, now)

    def look(self, guards: HealthSettings, arms: Sequence[str], now: float) -> HealthSnapshot:
        """Let time pass, and tell how the arms do.

        Parameters
        ----------
        arms
            By name, the baseline first.
        """
        health: dict[str, ArmHealth] = {}
        probed: dict[str, ArmHealth] = {}
        states: dict[str, ArmStatus] = {}
        for place, name in enumerate(arms):
            arm = self._arms.get(name)
            if arm is None:
                continue
            before = arm.watch.phase
            arm.watch = on_tick(arm.watch, guards, now)
            self._tell(name, before, arm.watch)
            states[name] = self._state(name, arm, guards, now)
            shed = place > 0 and arm.watch.phase != "serving"
            live = _health(arm, guards, states[name], shed)
            if live != ArmHealth():
                health[name] = live
            open_to_probes = _health(arm, guards, states[name], shed and arm.watch.phase == "shed")
            if open_to_probes != ArmHealth():
                probed[name] = open_to_probes
        return HealthSnapshot(health, probed, self._shifts(guards, now), states)

    def _judge(self, outcome: MatchedOutcome, guards: HealthSettings, now: float) -> None:
        key = (outcome.task or "", outcome.arm)
        known = self._delivered.get(key, SuccessBias())
        hours = guards.success_half_life_hours
        assert outcome.success is not None
        self._delivered[key] = known.updated(outcome.success, outcome.expected_success, now, hours * 3600.0)
        self._delivered.move_to_end(key)
        if len(self._delivered) > _MOST_PAIRS:
            self._delivered.popitem(last=False)

    def _shifts(self, guards: HealthSettings, now: float) -> Mapping[str, Mapping[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for (task, arm), delivery in self._delivered.items():
            faded = delivery.decayed(now, guards.success_half_life_hours * 3600.0)
            shift = round(faded.shift(guards.max_success_shift), _DIGITS)
            if shift:
                found.setdefault(task, {})[arm] = shift
        return found

    def _state(self, name: str, arm: _Arm, guards: HealthSettings, now: float) -> ArmStatus:
        life, few = guards.half_life_seconds, float(guards.min_calls)
        arm.tokens, arm.latency = arm.tokens.decayed(now, life, few), arm.latency.decayed(now, life, few)
        arm.retries, arm.hidden = arm.retries.decayed(now, life, few), arm.hidden.decayed(now, life, few)
        knows_hidden = arm.hidden.calls > few / 2.0
        _watch_bloat(name, arm, guards, knows_hidden)
        low, high = _FACTORS
        tokens, latency = (
            round(min(max(ratio.factor(few), low), high), _DIGITS) for ratio in (arm.tokens, arm.latency)
        )
        hidden = round(min(max(arm.hidden.factor(few), low), high), _DIGITS) if knows_hidden else None
        return ArmStatus(arm.watch.phase, arm.watch.share, tokens, latency, hidden, arm.bloated)

    def _tell(self, name: str, before: Phase, watch: BreakerState) -> None:
        if watch.phase != before:
            level = logging.INFO if watch.phase == "serving" else logging.WARNING
            logger.log(level, "arm %s: %s -> %s %s", name, before, watch.phase, watch.why)


def _watch_bloat(name: str, arm: _Arm, guards: HealthSettings, knows_hidden: bool) -> None:
    """Hold hidden tokens against their forecast; all output where it is not known what is hidden."""
    held, what = (arm.hidden, "hidden tokens") if knows_hidden else (arm.tokens, "tokens")
    factor = held.factor(0.0)
    quiet = 1.0 + (guards.bloat_above - 1.0) / 2.0
    bloated = factor > (quiet if arm.bloated else guards.bloat_above) and held.calls > guards.min_calls / 2
    if bloated == arm.bloated:
        return
    arm.bloated = bloated
    level, event = (logging.WARNING, "token bloat") if bloated else (logging.INFO, "token bloat is over")
    logger.log(level, "%s: %s writes %.2f times the %s that were forecast", event, name, factor, what)


def _health(arm: _Arm, guards: HealthSettings, state: ArmStatus, shed: bool) -> ArmHealth:
    few = float(guards.min_calls)
    retries = None
    if arm.retries.calls > few / 2:
        # `realised` adds up retries, `expected` calls
        told = (arm.retries.realised + _USUAL_RETRIES * few) / (arm.retries.calls + few)
        retries = round(told, _DIGITS)
    return ArmHealth(
        latency_factor=state.latency_factor,
        tokens_factor=state.tokens_factor,
        expected_retries=retries,
        shed=shed,
        why=arm.watch.why if shed else "",
    )
