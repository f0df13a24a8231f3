"""Exploration cap: stops random draws once their extra cost reaches the hourly budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from serving.decision import RecordedDecision, Request
from serving.decision.policy import Policy
from serving.decision.selection import NEUTRAL, RuntimeState, decide_from_record
from serving.model import EngineSlot

_HOUR_S: Final = 3600.0
_QUIET: Final = RuntimeState(explore=False)


@dataclass(frozen=True, slots=True)
class ExplorationStats:
    """What exploring has cost.

    Parameters
    ----------
    drawn
        Decisions since the start that a draw took another arm for.
    extra_usd
        Expected extra cost of those since the start; draws of cheaper arms are not set against it.
    held_back
        Decisions since the start that were not to explore, for the hour's budget was spent.
    """

    drawn: int = 0
    extra_usd: float = 0.0
    held_back: int = 0


class ExplorationCap:
    """A `RuntimeStateSource` and a `DecisionSink` in one: it counts what draws cost, and says when it is enough.

    Each tenant with terms of its own has its own budget; all others share one. The last draw of an hour may go beyond
    the budget, by its own cost.

    Parameters
    ----------
    slot
        Where the live policy is.
    clock
        Epoch seconds; budgets begin anew with each full hour.
    workers
        How many processes serve: each spends its share of the budget.
    """

    def __init__(self, slot: EngineSlot, clock: Callable[[], float], workers: int = 1) -> None:
        self._slot, self._clock, self._workers = slot, clock, workers
        self._hour = -1
        self._spent: dict[str, float] = {}
        self._stats = ExplorationStats()

    @property
    def stats(self) -> ExplorationStats:
        """Read the counters."""
        return self._stats

    def runtime_state(self, request: Request, headers: Mapping[str, str]) -> RuntimeState:  # noqa: ARG002
        """Say whether there is still something to explore with."""
        bound_policy = self._slot.live.bound_policy
        if bound_policy is None:
            return NEUTRAL
        cap = bound_policy.policy.terms_for(request.tenant).exploration.max_extra_usd_per_hour
        if cap is None or self._spent_by(bound_policy.policy, request.tenant) < cap / self._workers:
            return NEUTRAL
        self._stats = replace(self._stats, held_back=self._stats.held_back + 1)
        return _QUIET

    def decided(self, request: Request, decided: RecordedDecision) -> None:
        """Count what a draw costs beyond the arm that would have been taken without it."""
        decision, record, bound_policy = decided.decision, decided.record, self._slot.live.bound_policy
        if not decided.is_applied:
            return  # the call does not ask for what was drawn, so the draw costs nothing
        # A draw of another arm has a propensity of share / arms, which is never above a half.
        if decision.propensity > 0.5 or record is None or bound_policy is None or record.policy != bound_policy.version:
            return
        calm = decide_from_record(
            replace(record, runtime_state=replace(record.runtime_state, explore=False)), bound_policy
        )
        if calm.arm == decision.arm:
            return
        extra = decision.estimates[decision.arm].cost_usd - decision.estimates[calm.arm].cost_usd
        extra = max(extra, 0.0) if math.isfinite(extra) else 0.0
        pool = _pool(bound_policy.policy, request.tenant)
        self._spent[pool] = self._spent_by(bound_policy.policy, request.tenant) + extra
        self._stats = replace(self._stats, drawn=self._stats.drawn + 1, extra_usd=self._stats.extra_usd + extra)

    def _spent_by(self, policy: Policy, tenant: str | None) -> float:
        hour = int(self._clock() // _HOUR_S)
        if hour != self._hour:
            self._hour = hour
            self._spent.clear()
        return self._spent.get(_pool(policy, tenant), 0.0)


def _pool(policy: Policy, tenant: str | None) -> str:
    return tenant if tenant is not None and tenant in policy.tenants else ""
