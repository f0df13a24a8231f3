"""Exploration: draws are exact, replayable, and end for the hour where their extra spend reaches the cap."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.engine import Engine, RecordedDecision
from serving.decision.policy.policy import Exploration, Policy, Terms
from serving.decision.policy.policy_file import parse_policy
from serving.decision.selection.decide import replay_decision
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.types import Applied
from serving.model.slot import EngineSlot, LiveEngine
from serving.service.decision_service import DecisionService
from serving.service.exploration_cap import ExplorationCap
from tests.support.fakes import Ticks
from tests.support.policy_cases import ARMS, Counter, Fixed, ask, forecast

HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_790_000_000.0 // HOUR * HOUR

    def __call__(self) -> float:
        return self.now


class Keeps:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.all: list[RecordedDecision] = []

    def decided(self, request: object, decided: RecordedDecision) -> None:
        self.all.append(decided)


def world(policy: Policy, clock: Clock, workers: int = 1) -> tuple[DecisionService, ExplorationCap, Engine, Keeps]:
    # Reasoning never pays here: the baseline is greedy, and each draw of another arm costs more.
    engine = Engine(Fixed(forecast(uplift=(-0.1, -0.2))), policy, clock=clock, ids=Counter())
    slot = EngineSlot(LiveEngine(engine, ARMS, "fixed", engine.version, bound_policy=engine.bound_policy))
    cap, kept = ExplorationCap(slot, clock, workers), Keeps()
    return DecisionService(slot, "baseline", Ticks(), Counter(), (cap,), (cap, kept)), cap, engine, kept


def exploring(cap: float | None, share: float = 0.5, seed: int = 0, **tenants: float) -> Policy:
    terms = Terms(exploration=Exploration(share, share, share, max_extra_usd_per_hour=cap))
    own = {
        name: replace(terms, exploration=replace(terms.exploration, max_extra_usd_per_hour=each))
        for name, each in tenants.items()
    }
    return Policy(terms=terms, tenants=own, seed=seed)


def extra_of(decided: RecordedDecision, greedy: str) -> float:
    estimates = decided.decision.estimates
    return max(estimates[decided.decision.arm].cost_usd - estimates[greedy].cost_usd, 0.0)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.0, 0.5), st.floats(0.05, 1.0), st.integers(0, 1000))
def test_the_hours_extra_spend_keeps_the_cap(limit: float, share: float, seed: int) -> None:
    clock = Clock()
    guard, cap, engine, kept = world(exploring(limit, share, seed), clock)
    greedy = world(exploring(None, 0.0), clock)[0].decide(ask()).arm
    for _ in range(150):
        guard.decide(ask())
    extras = [extra_of(each, greedy) for each in kept.all]
    dearest = max(arm.cost_usd for arm in kept.all[0].decision.estimates.values())
    assert sum(extras) == pytest.approx(cap.stats.extra_usd)
    assert greedy == "direct"
    assert limit == 0.0 or share < 0.2 or sum(extras) > 0.0
    assert sum(extras) <= limit + dearest
    total = 0.0
    for each, extra in zip(kept.all, extras, strict=True):
        # From the moment on that the cap is reached nothing is drawn, and the propensity says so.
        assert each.record is not None
        assert each.record.runtime_state.explore == (total < limit)
        if total >= limit:
            assert (each.decision.arm, each.decision.propensity) == (greedy, 1.0)
        total += extra
        stored = DecisionRecord.from_json(each.record.to_json())
        again = replay_decision(stored, engine.arms, engine.policy, engine.prices)
        assert replace(again, elapsed_us=each.decision.elapsed_us) == each.decision


def test_a_new_hour_has_a_new_budget() -> None:
    clock = Clock()
    guard, cap, _, kept = world(exploring(0.02), clock)
    for _ in range(100):
        guard.decide(ask())
    assert {each.decision.propensity for each in kept.all[-20:]} == {1.0}
    held = cap.stats.held_back
    assert held > 0
    clock.now += HOUR
    guard.decide(ask())
    assert kept.all[-1].decision.propensity < 1.0
    assert cap.stats.held_back == held


def test_tenants_with_terms_of_their_own_have_budgets_of_their_own() -> None:
    guard, _, _, kept = world(exploring(0.0, acme=1e9), Clock())
    guard.decide(ask())
    guard.decide(ask(tenant="other"))
    guard.decide(ask(tenant="acme"))
    assert [each.decision.propensity < 1.0 for each in kept.all] == [False, False, True]


def test_workers_share_the_budget() -> None:
    spent = []
    for workers in (1, 4):
        guard, cap, _, _ = world(exploring(0.4), Clock(), workers)
        for _ in range(300):
            guard.decide(ask())
        spent.append(cap.stats.extra_usd)
    dearest = 0.05
    assert 0.4 <= spent[0] <= 0.4 + dearest
    assert 0.1 <= spent[1] <= 0.1 + dearest


def test_without_a_cap_nothing_is_counted_out_and_the_same_seed_draws_the_same() -> None:
    runs = []
    for seed in (7, 7, 8):
        guard, cap, _, kept = world(exploring(None, seed=seed), Clock())
        for _ in range(200):
            guard.decide(ask())
        assert cap.stats.held_back == 0
        runs.append([each.decision.arm for each in kept.all])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_the_cap_is_read_from_the_file_and_handed_down() -> None:
    policy = parse_policy(
        "[exploration]\nmaybe = 0.1\nmax_extra_usd_per_hour = 2.5\n[tenant.acme]\nvalue_of_success_usd = 4\n"
    )
    assert policy.terms.exploration == Exploration(maybe=0.1, max_extra_usd_per_hour=2.5)
    assert policy.terms_for("acme").exploration.max_extra_usd_per_hour == 2.5
    assert parse_policy("").terms.exploration.max_extra_usd_per_hour is None


def test_a_draw_that_was_not_applied_costs_nothing() -> None:
    guard, cap, _, kept = world(exploring(1e9, share=1.0), Clock())
    for number in range(40):
        decided = guard.answer(ask())
        conflict = Applied("m", "none", "conflict:temperature", "direct", 1.0, "rewrite")
        guard.notify(ask(), decided, (), conflict if number % 2 else None)
    drawn = [each for each in kept.all if each.decision.arm != "direct"]
    assert cap.stats.drawn == sum(each.is_applied for each in drawn) > 0
    assert len(drawn) > cap.stats.drawn
