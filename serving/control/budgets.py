"""Budget pools: add up what decisions cost, correct it by outcomes, and set the cost multiplier of each pool."""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from serving.control.budget_pacing import WindowPlan, limit_change, plan_windows
from serving.control.cooperative import yielding_gil
from serving.control.demand_forecast import GRID, DailyProfile, Hours, SpendHour, fit_daily_profile
from serving.control.outcome_matching import MatchedOutcome
from serving.control.spend_ledger import SpendEntry, SpendLedger, add_hours, oldest_kept
from serving.decision import BadInput, RecordedDecision
from serving.decision.policy import HOUR_S, BoundPolicy, BudgetSettings, Policy
from serving.decision.selection import cost_at_multipliers

logger = logging.getLogger("thinkgate.budget")

_SAMPLED: Final = 12
"""Decisions of one pool that are made again at each multiplier, per look; all count, these speak for the others."""
_REREAD_S: Final = 60.0
_TIDY_S: Final = 6 * 3600.0
_NOTHING: Final = SpendHour()
_MOST_WAITING: Final = 10_000


@dataclass(slots=True)
class _Pool:
    multiplier: float | None = None
    plans: tuple[WindowPlan, ...] = ()
    spent: bool = False
    habit: DailyProfile | None = None


@dataclass(frozen=True, slots=True)
class PoolState:
    """How one pool stands, for decisions and for metrics.

    Parameters
    ----------
    multiplier
        What cost counts beyond its face value.
    stopped
        The budget of a window is spent, and the policy wants a hard stop.
    """

    multiplier: float = 0.0
    stopped: bool = False
    plans: tuple[WindowPlan, ...] = ()


@dataclass(slots=True)
class _Hourly:
    """What is counted but not yet in the ledger."""

    sums: dict[tuple[str, int], SpendHour] = field(default_factory=dict)

    def add(self, pool: str, hour: int, added: SpendHour) -> None:
        known = self.sums.get((pool, hour))
        self.sums[pool, hour] = added if known is None else add_hours(known, added)


class BudgetPools:
    """The budgets of one process; belongs to one thread.

    Parameters
    ----------
    ledger
        Where the sums live; it need not be up.
    rng
        Picks the decisions that speak for the others.
    """

    def __init__(self, ledger: SpendLedger, rng: random.Random) -> None:
        self._ledger, self._rng = ledger, rng
        self._waiting = _Hourly()
        self._known: dict[str, dict[int, SpendHour]] = defaultdict(dict)
        self._pools: dict[str, _Pool] = defaultdict(_Pool)
        self._read_at = self._tidied_at = self._looked_at = float("-inf")
        self._up = True

    def spend(self, decided: Iterable[RecordedDecision], bound_policy: BoundPolicy) -> None:
        """Count decisions at their forecast."""
        by_pool: dict[str, list[RecordedDecision]] = defaultdict(list)
        for item in decided:
            tenant = item.record.context.tenant if item.record else None
            budget = bound_policy.policy.terms_for(tenant).budget
            if item.record is not None and budget.steers:
                by_pool[budget.pool].append(item)
        for pool, items in by_pool.items():
            self._spend(pool, items, bound_policy)

    def correct(self, outcomes: Iterable[MatchedOutcome], policy: Policy) -> None:
        """Put what calls really cost in the place of their forecast."""
        for outcome in outcomes:
            budget = policy.terms_for(outcome.tenant).budget
            if not budget.steers or outcome.cost_usd is None:
                continue
            first = outcome.earlier_cost_usd is None
            added = SpendHour(
                reported_forecast_usd=outcome.expected_cost_usd if first else 0.0,
                reported_usd=outcome.cost_usd - (outcome.earlier_cost_usd or 0.0),
                reported=1.0 if first else 0.0,
            )
            self._waiting.add(budget.pool, int(outcome.decided_at // HOUR_S), added)

    def look(self, policy: Policy, now: float) -> Mapping[str, PoolState]:
        """Bring ledger and memory together, and find each pool's multiplier."""
        budgets = _budgets(policy)
        if budgets:
            self._exchange(now)
        seconds, self._looked_at = now - self._looked_at, now
        states = {}
        for name, budget in budgets.items():
            pool = self._pools[name]
            hours = self._hours(name)
            if pool.habit is None or pool.habit.midnight != int(now // (24 * HOUR_S)) * 24:
                pool.habit = fit_daily_profile(hours, now)
            pool.plans = plan_windows(budget, hours, pool.habit, now)
            wanted = max(plan.multiplier for plan in pool.plans)
            pool.multiplier = limit_change(pool.multiplier, wanted, seconds)
            stopped = budget.hard_stop and any(plan.exhausted for plan in pool.plans)
            if stopped != pool.spent:
                pool.spent = stopped
                told = "is spent: baseline only" if stopped else "is open again"
                logger.warning("the budget of %s %s", name or "all", told)
            states[name] = PoolState(pool.multiplier, stopped, pool.plans)
        return states

    def close(self, now: float) -> None:
        """Put what waits into the ledger, and give it back."""
        if self._waiting.sums:
            self._exchange(now)
        self._ledger.close()

    def _spend(self, pool: str, items: list[RecordedDecision], bound_policy: BoundPolicy) -> None:
        chosen = items if len(items) <= _SAMPLED else self._rng.sample(items, _SAMPLED)
        known = []
        for item in yielding_gil(chosen, 1):
            try:
                known.append(self._demand(item, bound_policy, spent=self._pools[pool].spent))
            except BadInput:  # a policy that is newer than the decision may leave no arm
                continue
        weight = len(items) / len(known) if known else 0.0
        demand = tuple(sum(costs) * weight for costs in zip(*known, strict=True)) if known else _NOTHING.demand
        by_hour: dict[int, float] = defaultdict(float)
        for item in items:
            if item.record is not None:
                by_hour[int(item.record.now // HOUR_S)] += applied_cost_usd(item)
        for hour, cost in by_hour.items():
            self._waiting.add(pool, hour, SpendHour(forecast_usd=cost))
        self._waiting.add(pool, max(by_hour), SpendHour(demand=demand))

    @staticmethod
    def _demand(item: RecordedDecision, bound_policy: BoundPolicy, *, spent: bool) -> tuple[float, ...]:
        """Give what a decision would cost at each multiplier; one that was not applied costs the same at all."""
        record = item.record
        assert record is not None, "only decisions with a record are counted"
        if not item.is_applied:
            return (applied_cost_usd(item),) * len(GRID)
        if spent:
            # A stop hides what the traffic asks for; were it learnt, tomorrow would be planned too small.
            record = replace(record, runtime_state=replace(record.runtime_state, health={}))
        return cost_at_multipliers(record, bound_policy, GRID)

    def _exchange(self, now: float) -> None:
        """Write what waits, and read what all have written; without a database each worker goes on alone."""
        try:
            if self._waiting.sums:
                self._ledger.add([SpendEntry(pool, hour, sums) for (pool, hour), sums in self._waiting.sums.items()])
                self._waiting = _Hourly()
            everything = now - self._read_at >= _REREAD_S
            since = oldest_kept(now) if everything else int(now // HOUR_S) - 1
            for pool, hours in self._ledger.read(since).items():
                self._known[pool].update(hours)
            if everything:
                self._read_at = now
                for state in self._pools.values():
                    state.habit = None  # what others wrote, or what could not be read before, may have changed it
            if now - self._tidied_at >= _TIDY_S:
                self._tidy(oldest_kept(now))
                self._tidied_at = now
            self._tell(True)
        except (SQLAlchemyError, OSError) as error:
            self._tell(False, type(error).__name__)
            self._fold()

    def _tidy(self, before: int) -> None:
        self._ledger.forget(before)
        for pool, hours in self._known.items():
            self._known[pool] = {hour: sums for hour, sums in hours.items() if hour >= before}

    def _fold(self) -> None:
        """Bound what waits for a database that stays away: the oldest hours of each pool become one."""
        if len(self._waiting.sums) > _MOST_WAITING:
            folded = _Hourly()
            latest = max(hour for _, hour in self._waiting.sums)
            for (pool, hour), sums in self._waiting.sums.items():
                folded.add(pool, max(hour, latest - 48), sums)
            self._waiting = folded

    def _hours(self, pool: str) -> Hours:
        hours = dict(self._known[pool])
        for (owner, hour), sums in self._waiting.sums.items():
            if owner == pool:
                known = hours.get(hour)
                hours[hour] = sums if known is None else add_hours(known, sums)
        return hours

    def _tell(self, up: bool, why: str = "") -> None:
        if up != self._up:
            self._up = up
            told = "is shared again" if up else f"can't be shared ({why}): this worker steers by its own"
            logger.warning("what was spent %s", told)


def applied_cost_usd(decided: RecordedDecision) -> float:
    """Give the forecast cost in USD of what was applied; of the decided arm, where what was applied is no arm."""
    decision = decided.decision
    estimate = decision.estimates.get(decided.served_arm or decision.arm) or decision.estimates[decision.arm]
    return estimate.cost_usd


def _budgets(policy: Policy) -> Mapping[str, BudgetSettings]:
    every = [policy.terms.budget, *(terms.budget for terms in policy.tenants.values())]
    return {budget.pool: budget for budget in every if budget.steers}
