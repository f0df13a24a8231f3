"""Controller: gathers the runtime state for each decision, and updates it from decisions and reported outcomes.

What happens on the road of a request is a few look-ups and a queue; all counting is done once a second, on a thread of
its own, and its result is swapped in as a whole.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from serving.control.arm_health import ArmHealthMonitor, HealthSnapshot
from serving.control.budgets import BudgetPools, PoolState
from serving.control.cooperative import yielding_gil
from serving.control.outcome_matching import OutcomeMatcher
from serving.control.session_identity import derived_root
from serving.control.sessions import NO_ROOT, LastTurn, SessionTable, arm_key
from serving.control.spend_ledger import SpendLedger
from serving.decision import Effort, RecordedDecision, Request
from serving.decision.policy import BoundPolicy, SessionSettings
from serving.decision.pricing import Usage, cost_of_usage
from serving.decision.providers import find_capability
from serving.decision.selection import NEUTRAL, ArmHealth, RuntimeState, Session
from serving.journal import DecisionRow, OutcomeRow, find_arm

logger = logging.getLogger("thinkgate.steering")

_MOST_QUEUED: Final = 50_000
_TURN: Final = 16
"""Decisions or reports that are counted in a row: about a tenth of a millisecond."""
_LEAST_CACHED: Final = 1024
"""Providers cache no shorter prompt."""


@dataclass(frozen=True, slots=True)
class SessionlessState:
    """The runtime state of a request without a session: of most, and of those that may probe a shed arm."""

    usual: RuntimeState = NEUTRAL
    probing: RuntimeState = NEUTRAL


@dataclass(frozen=True, slots=True)
class StateSnapshot:
    """The state of the world as of the last look.

    Parameters
    ----------
    pools, outlooks
        By name of the pool.
    plain
        Outlook of requests that spend from none.
    probing
        Some shed arm takes probes.
    """

    pools: Mapping[str, PoolState] = field(default_factory=dict)
    health: HealthSnapshot = field(default_factory=HealthSnapshot)
    outlooks: Mapping[str, SessionlessState] = field(default_factory=dict)
    plain: SessionlessState = field(default_factory=SessionlessState)
    probing: bool = False


class Controller:
    """Sessions, budgets and guards of one worker.

    Parameters
    ----------
    bound_policy
        Gives the arms, policy and prices that are live.
    ledger
        Where budgets are kept.
    sessions
        Where conversations are remembered.
    clock
        Epoch seconds.
    rng
        Picks probes, and the decisions that budgets sample.
    hidden_share
        Gives, by arm, the share of its output tokens that is forecast to be hidden.
    """

    def __init__(
        self,
        bound_policy: Callable[[], BoundPolicy],
        ledger: SpendLedger,
        sessions: SessionTable,
        clock: Callable[[], float],
        rng: random.Random,
        hidden_share: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self._bound_policy, self._sessions, self._clock, self._rng = bound_policy, sessions, clock, rng
        self._hidden_share = hidden_share
        self._pools = BudgetPools(ledger, rng)
        self._guards = ArmHealthMonitor()
        self._recall = OutcomeMatcher()
        self._decided: deque[RecordedDecision] = deque(maxlen=_MOST_QUEUED)
        self._reported: deque[tuple[OutcomeRow, DecisionRow | None]] = deque(maxlen=_MOST_QUEUED)
        self._looking = threading.Lock()
        self._names: dict[int, str] = {}
        self._named: object = None
        self._view = StateSnapshot()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def view(self) -> StateSnapshot:
        """Give the state of the world, e.g. for metrics."""
        return self._view

    def runtime_state(self, request: Request, headers: Mapping[str, str]) -> RuntimeState:  # noqa: ARG002
        """Tell what is known before a decision."""
        view, bound_policy = self._view, self._bound_policy()
        outlook = view.plain
        if view.outlooks:
            outlook = view.outlooks.get(bound_policy.policy.terms_for(request.tenant).budget.pool, outlook)
        base = outlook.usual
        if view.probing and self._rng.random() < bound_policy.policy.guards.probe_share:
            base = outlook.probing
        if request.session_id is None:
            return base
        session = self._session(request, bound_policy)
        if session is None:
            return base
        return RuntimeState(None, base.cost_multiplier, session, base.health, base.task_shifts)

    def decided(self, request: Request, decided: RecordedDecision) -> None:
        """Take note of a decision."""
        self._decided.append(decided)
        arm = decided.served_arm
        if request.session_id is not None and arm is not None:  # what is no arm leaves the last turn that was one
            record, applied = decided.record, decided.applied
            effort = decided.decision.effort if applied is None else applied.effort or decided.decision.effort
            tokens = (record.runtime_state.input_tokens or 0) if record is not None else 0
            history = None if applied is None else applied.effort_history
            self._remember(request, LastTurn(arm_key(arm), effort, tokens, self._clock(), effort_history=history))

    def reported(self, outcome: OutcomeRow, decision: DecisionRow | None) -> None:
        """Take note of an outcome."""
        self._reported.append((outcome, decision))

    def look(self) -> None:
        """Count what was decided and reported since the last look, and swap the result in."""
        with self._looking:
            now, bound_policy = self._clock(), self._bound_policy()
            policy, names = bound_policy.policy, [arm.name for arm in bound_policy.arms]
            decided = [self._decided.popleft() for _ in range(len(self._decided))]
            for item in yielding_gil(decided, _TURN):
                self._recall.learn(item)
            self._pools.spend(decided, bound_policy)
            reported = [self._reported.popleft() for _ in range(len(self._reported))]
            outcomes = []
            for row, decision in yielding_gil(reported, _TURN):
                outcome = self._recall.hold(self._priced(row, decision, bound_policy), decision)
                if outcome is not None:
                    outcomes.append(outcome)
            self._pools.correct(outcomes, policy)
            shares = self._hidden_share()
            for outcome in yielding_gil(outcomes, _TURN):
                self._guards.note(outcome, policy.guards, names[0], now, shares.get(outcome.arm))
            health = self._guards.look(policy.guards, names, now)
            pools = self._pools.look(policy, now)
            outlooks = {name: _outlook(pool, health, names) for name, pool in pools.items()}
            probing = any(state.phase == "probing" for state in health.states.values())
            self._view = StateSnapshot(pools, health, outlooks, _outlook(PoolState(), health, names), probing)

    def start(self, seconds: float = 1.0) -> None:
        """Look once now, and then every `seconds` on a thread of its own."""
        self.look()
        self._thread = threading.Thread(target=self._run, args=(seconds,), name="steering", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Count what is left, write it, and stop."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(10.0)
        self.look()
        self._pools.close(self._clock())

    def _run(self, seconds: float) -> None:
        while not self._end.wait(seconds):
            try:
                self.look()
            except Exception as error:  # the thread must outlive any surprise; messages may quote a prompt
                logger.error("steering: %s", type(error).__name__)

    def _remember(self, request: Request, turn: LastTurn) -> None:
        """Keep a turn under its session's name, or under its conversation's hash where nobody named the session."""
        assert request.session_id is not None, "only turns of a session are remembered"
        last, keys = self._last_turn(request), request.turn_keys
        root = None if keys is None else derived_root(request.session_id)
        changed = last is not None and last.client_effort not in (None, request.client_effort)
        turn = replace(
            turn,
            client_effort=request.client_effort,
            client_chose=changed or (last is not None and last.client_chose),
            root=NO_ROOT if root is None else root,
        )
        if keys is None:
            self._sessions.keep(request.tenant, request.session_id, turn)
        else:
            self._sessions.keep_turn(request.tenant, keys.this, turn)

    def _last_turn(self, request: Request) -> LastTurn | None:
        assert request.session_id is not None, "only a session has a last turn"
        if request.turn_keys is None:
            return self._sessions.find(request.tenant, request.session_id)
        previous = request.turn_keys.previous
        return None if previous is None else self._sessions.find_turn(request.tenant, previous)

    def _session(self, request: Request, bound_policy: BoundPolicy) -> Session | None:
        turn = self._last_turn(request)
        if turn is None:
            return None
        memory: SessionSettings = bound_policy.policy.sessions
        age = self._clock() - turn.at
        arm = self._arm(turn.arm, bound_policy)
        if arm is None or age > memory.session_minutes * 60.0:
            return None
        cached = turn.input_tokens if turn.input_tokens >= _LEAST_CACHED and age <= memory.cache_minutes * 60.0 else 0
        history = turn.effort_history if request.effort_in_band else None
        kept = _cache_kept_by(arm, turn.effort, bound_policy, in_band=history is not None)
        return Session(arm, turn.effort, cached, cache_kept_by=kept, effort_history=history)

    def _arm(self, key: int, bound_policy: BoundPolicy) -> str | None:
        if self._named is not bound_policy.arms:
            self._names, self._named = {arm_key(arm.name): arm.name for arm in bound_policy.arms}, bound_policy.arms
        return self._names.get(key)

    def _priced(self, row: OutcomeRow, decision: DecisionRow | None, bound_policy: BoundPolicy) -> OutcomeRow:
        """Price a report that tells tokens but no cost, by the arm that served."""
        if row.cost_usd is not None or row.input_tokens is None or row.output_tokens is None:
            return row
        reported = find_arm(bound_policy.arms, row.applied_model, row.applied_effort)
        arm = row.arm or (reported.name if reported else None) or self._recall.arm(row.decision_id)
        arm = arm or (decision.arm if decision else None)
        place = None if arm is None else bound_policy.index_of(arm)
        if place is None:
            return row
        output = row.output_tokens
        usage = Usage(
            input_tokens=row.input_tokens,
            output_tokens=output,
            cached_input_tokens=min(row.cached_input_tokens or 0, row.input_tokens),
            reasoning_tokens=min(row.reasoning_tokens or 0, output),
        )
        rates = bound_policy.cards[place].rates(row.reported_at, row.input_tokens)
        once = cost_of_usage(usage, rates, row.gpu_seconds or 0.0)
        return replace(row, cost_usd=once * (1.0 + (row.retries or 0)))


def _cache_kept_by(last: str, effort: Effort, bound_policy: BoundPolicy, *, in_band: bool) -> tuple[str, ...]:
    """Name the arms that read the prompt cache of the last turn.

    Another effort of the same model costs the cached prefix unless the model's provider is known to keep it, or takes
    the change inside the conversation, where reasoning is not switched off.
    """
    before = next(arm for arm in bound_policy.arms if arm.name == last)
    keeps = find_capability(before.known_as, before.speaks).cache_on_effort == "kept"
    return tuple(
        arm.name
        for arm in bound_policy.arms
        if arm.model == before.model and (keeps or arm.effort == effort or (in_band and arm.effort != "none"))
    )


def _outlook(pool: PoolState, health: HealthSnapshot, arms: Sequence[str]) -> SessionlessState:
    if pool.stopped:
        # The baseline alone may serve; what its forecast is worth does not matter any more.
        stopped = {name: ArmHealth(shed=True, why="the budget is spent") for name in arms[1:]}
        spent = RuntimeState(cost_multiplier=pool.multiplier, health=stopped)
        return SessionlessState(spent, spent)

    def runtime_state(arms: Mapping[str, ArmHealth]) -> RuntimeState:
        if not arms and not health.shifts and not pool.multiplier:
            return NEUTRAL
        return RuntimeState(cost_multiplier=pool.multiplier, health=arms, task_shifts=health.shifts)

    return SessionlessState(runtime_state(health.arms), runtime_state(health.probed))
