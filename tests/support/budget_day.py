"""A simulated day of skewed traffic under a budget, and the best that hindsight could have bought; all SYNTHETIC.

Requests come from the synthetic world, whose truth is known. Their times follow a day with a quiet night, two peaks and
a batch job of a tenth of the volume within ten minutes; what comes in the evening gains more from reasoning than what
comes in the morning. Calls cost a biased and heavy-tailed multiple of their forecast, and only some are reported, late.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from serving.control.controller import Controller
from serving.control.sessions import SessionTable
from serving.control.spend_ledger import SpendLedger
from serving.decision.engine import Engine
from serving.decision.policy.controls import BudgetSettings
from serving.decision.policy.policy import Policy, Terms
from serving.decision.pricing.price_book import price_book
from serving.decision.types import Arm, Prediction, Request, Usd
from serving.journal.rows import OutcomeRow
from training.synthetic import World

Array = NDArray[np.float64]
MONDAY = 1_780_272_000.0  # 2026-06-01T00:00:00Z
DAY_S = 86_400.0
ARMS = (
    Arm("direct", "gpt-5.1", "none", 300.0, 2000.0),
    Arm("low", "gpt-5.1", "low", 900.0, 7000.0),
    Arm("high", "gpt-5.1", "high", 2500.0, 20_000.0),
)
USUAL = (3, 2, 1, 1, 1, 2, 4, 8, 14, 20, 22, 18, 10, 16, 21, 23, 19, 13, 9, 7, 6, 5, 5, 4)
"""Relative traffic by hour of the day."""
BURST_AT, BURST_S, BURST_SHARE = 20.33 * 3600, 600.0, 0.1
VALUE = 0.5
BIAS, SPREAD, REPORTED = 1.3, 0.8, 0.4
"""Realised over forecast cost; sigma of its logarithm; share of calls whose cost is reported."""


@dataclass(frozen=True)
class Pool:
    """Prompts to draw from: what is forecast of each, and what reasoning brings.

    Parameters
    ----------
    success, cost
        (n, K) expectations.
    """

    requests: tuple[Request, ...]
    forecasts: tuple[Prediction, ...]
    success: Array
    cost: Array

    @property
    def gain(self) -> Array:
        """(n,) what the most effort adds to P(success)."""
        gain: Array = self.success[:, -1] - self.success[:, 0]
        return gain


@dataclass(frozen=True)
class Traffic:
    """Moments (n,), seconds into the day, in order; and places in the pool (n,)."""

    at: Array
    place: NDArray[np.int64]


@dataclass(frozen=True)
class DayResult:
    """What a day under a budget came to; USD by expectation, given what was chosen, but for `spent`.

    Parameters
    ----------
    spent
        What the calls really cost.
    value, best, direct
        Net benefit (value of successes minus cost): of this day, of the offline optimum, of the baseline alone.
    lowest, highest
        Multiplier between 08:00 and 22:00.
    spent_out_at
        Hour of the day at which the budget was spent; 24 where it lasted.
    """

    budget: float
    spent: float
    value: float
    best: float
    direct: float
    lowest: float
    highest: float
    spent_out_at: float

    @property
    def lost(self) -> float:
        """Share of what the optimum gains over the baseline that this day did not gain."""
        return (self.best - self.value) / (self.best - self.direct)


class _Told:
    """A model that forecasts what it is told to."""

    bundle_id, tasks, arms = "told", (), ARMS

    def __init__(self, first: Prediction) -> None:
        self.next = first

    def predict_request(self, request: Request) -> Prediction:
        return self.next


def pool(n: int = 3000, seed: int = 5) -> Pool:
    """Draw prompts from the synthetic world."""
    draws = World(seed=seed, arms=ARMS).sample(n)
    success, truth = draws.expected_success, draws.truth
    forecasts = []
    for row in range(n):
        uplift = success[row, 1:] - success[row, 0]
        forecasts.append(
            Prediction(
                success=tuple(success[row].tolist()),
                uplift=tuple(uplift.tolist()),
                uplift_lower=tuple((uplift - 0.05).tolist()),
                uplift_upper=tuple((uplift + 0.05).tolist()),
                output_tokens_mean=tuple(truth.output_tokens[row].tolist()),
                output_tokens_p95=tuple((2.5 * truth.output_tokens[row]).tolist()),
                latency_mean_ms=tuple(truth.latency_ms[row].tolist()),
                latency_p95_ms=tuple((2.5 * truth.latency_ms[row]).tolist()),
                support=0.9,
            )
        )
    requests = tuple(Request(request.messages) for request in draws.requests)
    model = _Told(forecasts[0])
    engine = Engine(model, clock=lambda: MONDAY)
    cost = np.empty_like(success)
    for row, (request, forecast) in enumerate(zip(requests, forecasts, strict=True)):
        model.next = forecast
        estimates = engine.decide(request).estimates
        cost[row] = [estimates[arm.name].cost_usd for arm in ARMS]
    return Pool(requests, tuple(forecasts), success, cost)


def traffic(pool: Pool, n: int, seed: int, shape: tuple[float, ...] = USUAL) -> Traffic:
    """Draw one day's requests."""
    rng = np.random.default_rng(seed)
    steady = n - int(n * BURST_SHARE)
    hours = rng.choice(24, size=steady, p=np.asarray(shape) / sum(shape))
    at = np.concatenate([(hours + rng.random(steady)) * 3600.0, BURST_AT + BURST_S * rng.random(n - steady)])
    at.sort()
    gainful = pool.gain > np.median(pool.gain)
    evening = rng.random(n) < 0.2 + 0.6 * at / DAY_S
    rich, poor = np.flatnonzero(gainful), np.flatnonzero(~gainful)
    place = np.where(evening, rng.choice(rich, size=n), rng.choice(poor, size=n))
    return Traffic(at, place)


def budget_for(pool: Pool, day: Traffic, share: float) -> float:
    """Give a budget between what the baseline alone costs and what the policy would spend without one."""
    cost = BIAS * pool.cost[day.place]
    net = VALUE * pool.success[day.place] - pool.cost[day.place]
    free = cost[np.arange(len(cost)), net.argmax(axis=1)].sum()
    direct = cost[:, 0].sum()
    return float(direct + share * (free - direct))


def best_value(pool: Pool, day: Traffic, budget: float) -> float:
    """Bound what any choice of arms could have gained within the budget: the Lagrangian dual, with hindsight."""
    cost, worth = BIAS * pool.cost[day.place], VALUE * pool.success[day.place]

    def dual(price: float) -> float:
        return float((worth - (1.0 + price) * cost).max(axis=1).sum() + price * budget)

    low, high = 0.0, 1000.0
    for _ in range(100):  # the dual is convex in the price
        one, two = low + (high - low) / 3.0, high - (high - low) / 3.0
        low, high = (low, two) if dual(one) <= dual(two) else (one, high)
    return dual((low + high) / 2.0)


def simulate(
    pool: Pool,
    days: list[Traffic],
    budget: float,
    ledger: SpendLedger,
    *,
    first_day: int = 0,
    look_s: float = 10.0,
    seed: int = 1,
    steers: bool = True,
) -> list[DayResult]:
    """Live through days with the real engine and the real steering, on a clock of their own.

    Parameters
    ----------
    steers
        False: nothing but a hard stop, which is what a plain spending limit does.
    """
    now = MONDAY + first_day * DAY_S
    terms = Terms(value_of_success_usd=Usd(VALUE), budget=BudgetSettings(day_usd=Usd(budget)))
    model = _Told(pool.forecasts[0])
    engine = Engine(model, Policy(terms=terms), price_book(ARMS), clock=lambda: now)
    steering = Controller(lambda: engine.bound_policy, ledger, SessionTable(4), lambda: now, random.Random(seed))
    rng = np.random.default_rng(seed)
    results = []
    steering.look()
    looked = now
    for number, day in enumerate(days):
        midnight = MONDAY + (first_day + number) * DAY_S
        noise = BIAS * np.exp(SPREAD * rng.standard_normal(len(day.at)) - SPREAD**2 / 2.0)
        told = rng.random(len(day.at)) < REPORTED
        delay = rng.uniform(30.0, 600.0, len(day.at))
        spent = value = 0.0
        out_at, seen = 24.0, []
        waiting: list[tuple[float, str, float]] = []
        for request, at in enumerate(day.at.tolist()):
            while looked + look_s <= midnight + at:
                looked += look_s
                now = looked
                while waiting and waiting[0][0] <= now:
                    _, decision_id, cost = heapq.heappop(waiting)
                    steering.reported(OutcomeRow(decision_id, now, cost_usd=cost), None)
                steering.look()
                if 8 * 3600 <= now - midnight <= 22 * 3600:
                    seen.append(steering.view.pools[""].multiplier)
            now = midnight + at
            place = int(day.place[request])
            model.next = pool.forecasts[place]
            runtime_state = steering.runtime_state(pool.requests[place], {})
            if not steers:
                runtime_state = replace(runtime_state, cost_multiplier=0.0 if spent < budget else 1e9)
            decided = engine.decide_recorded(pool.requests[place], runtime_state)
            steering.decided(pool.requests[place], decided)
            arm = engine.bound_policy.index_of(decided.decision.arm)
            assert arm is not None
            expected = float(pool.cost[place, arm])
            cost = expected * float(noise[request])
            spent += cost
            value += VALUE * float(pool.success[place, arm]) - BIAS * expected
            if spent >= budget:
                out_at = min(out_at, at / 3600.0)
            if told[request]:
                heapq.heappush(waiting, (now + float(delay[request]), decided.decision.decision_id, cost))
        direct = VALUE * pool.success[day.place, 0].sum() - BIAS * pool.cost[day.place, 0].sum()
        best = best_value(pool, day, budget)
        results.append(DayResult(budget, spent, value, best, float(direct), min(seen), max(seen), out_at))
    return results
