"""The whole of it on a clock of the test: budgets, guards and sessions meet the engine, and every decision repeats."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from serving.control.controller import Controller
from serving.control.session_identity import SessionIdentifier
from serving.control.sessions import ROOT_BYTES, SessionTable
from serving.control.spend_ledger import MemorySpendLedger, SpendEntry, SpendLedger, SqlSpendLedger
from serving.decision.engine import Engine, RecordedDecision
from serving.decision.policy.arms import effort_rank
from serving.decision.policy.controls import HOUR_S, BudgetSettings, HealthSettings, SessionSettings
from serving.decision.policy.policy import Policy, Terms
from serving.decision.pricing.price_book import price_book
from serving.decision.selection.decide import replay_decision
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.selection.runtime_state import NEUTRAL
from serving.decision.types import Applied, EffortHistory, Message, Request, Usd
from serving.journal.rows import OutcomeRow
from tests.support.policy_cases import ARMS, Counter, Fixed, ask, forecast

MIDNIGHT = 1_780_272_000.0
GUARDS = HealthSettings(min_calls=10, hold_seconds=30.0, probes=5, probe_share=0.2)


@dataclass
class World:
    """An engine and its steering on one clock."""

    policy: Policy
    ledger: SpendLedger
    now: float = MIDNIGHT + 12 * HOUR_S

    def __post_init__(self) -> None:
        self.engine = Engine(Fixed(forecast()), self.policy, price_book(ARMS), clock=lambda: self.now, ids=Counter())
        self.table = SessionTable(1024)
        self.steering = self.open()
        self.steering.look()

    def open(self) -> Controller:
        clock, rng = (lambda: self.now), random.Random(1)
        return Controller(lambda: self.engine.bound_policy, self.ledger, self.table, clock, rng, lambda: {"high": 0.8})

    def decide(self, request: Request | None = None) -> RecordedDecision:
        request = request or ask()
        decided = self.engine.decide_recorded(request, self.steering.runtime_state(request, {}))
        self.steering.decided(request, decided)
        return decided

    def report(self, decided: RecordedDecision, **said: Any) -> None:
        self.steering.reported(OutcomeRow(decided.decision.decision_id, self.now, **said), None)

    def tick(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.steering.look()


def world(ledger: SpendLedger | None = None, budget: BudgetSettings | None = None, **more: Any) -> World:
    terms = Terms(value_of_success_usd=Usd(1.0), budget=budget or BudgetSettings())
    return World(replace(Policy(terms=terms, guards=GUARDS), **more), ledger or MemorySpendLedger())


def test_nothing_known_is_the_calm_situation() -> None:
    assert world().steering.runtime_state(ask(session_id="new"), {}) is NEUTRAL


# --- budgets --------------------------------------------------------------------------------------------------------


def test_a_spent_budget_makes_cost_weigh_more_on_a_slope() -> None:
    tight = world(budget=BudgetSettings(day_usd=Usd(1.0)))
    seen = []
    for _ in range(120):
        tight.decide()
        tight.tick(10.0)
        seen.append(tight.steering.view.pools[""].multiplier)
    assert seen[-1] > 5.0
    steps = [(1.0 + two) / (1.0 + one) for one, two in pairwise(seen)]
    assert max(steps) <= 2.7183**0.21
    assert tight.decide().decision.arm == "direct"


def test_a_hard_stop_leaves_the_baseline_alone_until_the_window_ends(caplog: pytest.LogCaptureFixture) -> None:
    stopping = world(budget=BudgetSettings(hour_usd=Usd(0.1), hard_stop=True))
    while not stopping.steering.view.pools[""].stopped:
        stopping.decide(ask(value_of_success_usd=Usd(1e6)))
        stopping.tick()
    stopped = stopping.decide(ask(value_of_success_usd=Usd(1e6)))
    assert stopped.decision.arm == "direct"
    assert "high is shed (the budget is spent)" in stopped.decision.reason
    assert stopping.decide(ask(client_effort="high")).decision.arm == "direct"
    stopping.tick(HOUR_S)
    assert stopping.decide(ask(value_of_success_usd=Usd(1e6))).decision.arm == "high"
    assert "the budget of all is spent: baseline only" in caplog.text


def test_a_hard_stop_does_not_hide_what_traffic_asks_for() -> None:
    stopping = world(budget=BudgetSettings(day_usd=Usd(0.1), hard_stop=True))
    while not stopping.steering.view.pools[""].stopped:
        stopping.decide()
        stopping.tick()
    hour = int(stopping.now // HOUR_S)
    before = stopping.ledger.read(0)[""][hour]
    for _ in range(10):
        assert stopping.decide().decision.arm == "direct"
    stopping.tick()
    after = stopping.ledger.read(0)[""][hour]
    assert after.forecast_usd - before.forecast_usd == pytest.approx(10 * 0.00205, rel=0.05)
    assert after.demand[0] - before.demand[0] == pytest.approx(10 * 0.0306, rel=0.05)


def test_what_was_spent_survives_a_restart_and_is_shared_by_workers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    one = world(SqlSpendLedger(url), BudgetSettings(day_usd=Usd(1.0)))
    for _ in range(40):
        one.decide()
    one.tick()
    state = one.steering.view.pools[""]
    assert state.plans[0].spent_usd == pytest.approx(40 * 0.0306, rel=0.05)
    other = world(SqlSpendLedger(url), BudgetSettings(day_usd=Usd(1.0)))
    other.now = one.now
    other.tick(0.0)
    assert other.steering.view.pools[""].plans[0].spent_usd == state.plans[0].spent_usd
    for _ in range(10):
        other.decide()
    other.steering.close()
    one.tick(61.0)
    assert one.steering.view.pools[""].plans[0].spent_usd > state.plans[0].spent_usd
    one.steering.close()


def test_reports_correct_the_spend_by_cost_or_by_tokens() -> None:
    told = world(budget=BudgetSettings(day_usd=Usd(100.0)))
    by_cost, by_tokens, never = told.decide(), told.decide(), told.decide()
    told.report(by_cost, cost_usd=1.0)
    told.report(by_tokens, input_tokens=1_000_000, output_tokens=100_000, reasoning_tokens=90_000)
    told.report(by_cost, cost_usd=1.5)
    told.tick()
    forecast_usd = sum(item.decision.estimates[item.decision.arm].cost_usd for item in (by_cost, by_tokens))
    ratio = (2 * (1.5 + 2.0) / forecast_usd + 20) / 22
    expected = 1.5 + 2.0 + never.decision.estimates[never.decision.arm].cost_usd * ratio
    assert told.steering.view.pools[""].plans[0].spent_usd == pytest.approx(expected)


def test_every_tenant_with_a_budget_has_its_own_pool() -> None:
    own = Terms(budget=BudgetSettings(day_usd=Usd(1e-6), pool="acme"))
    shared = world(budget=BudgetSettings(day_usd=Usd(1e6)), tenants={"acme": own})
    for _ in range(20):
        shared.decide(ask(tenant="acme"))
        shared.decide(ask(tenant="other"))
        shared.tick(60.0)
    pools = shared.steering.view.pools
    assert set(pools) == {"", "acme"}
    assert (pools[""].multiplier, pools["acme"].multiplier > 100.0) == (0.0, True)
    assert shared.steering.runtime_state(ask(tenant="other"), {}).cost_multiplier == 0.0


class _Down(MemorySpendLedger):
    down = True

    def add(self, entries: Sequence[SpendEntry]) -> None:
        if self.down:
            raise OperationalError("insert", {}, Exception("down"))
        super().add(entries)


def test_without_its_database_a_worker_steers_by_its_own(caplog: pytest.LogCaptureFixture) -> None:
    ledger = _Down()
    alone = world(ledger, BudgetSettings(day_usd=Usd(1.0)))
    for _ in range(10):
        alone.decide()
    alone.tick()
    spent = alone.steering.view.pools[""].plans[0].spent_usd
    assert spent > 0.0
    assert caplog.text.count("can't be shared (OperationalError)") == 1
    ledger.down = False
    alone.tick()
    assert ledger.read(0)[""]
    assert alone.steering.view.pools[""].plans[0].spent_usd == pytest.approx(spent)
    assert "is shared again" in caplog.text


def test_no_budget_asks_no_database() -> None:
    class Untouched(MemorySpendLedger):
        def read(self, since_hour: int) -> Any:
            raise AssertionError

    free = world(Untouched())
    free.decide()
    free.tick()
    free.steering.close()


# --- guards ---------------------------------------------------------------------------------------------------------


def test_an_arm_that_times_out_is_shed_probed_and_taken_back() -> None:
    failing = world()
    assert failing.decide().decision.arm == "high"
    for _ in range(12):
        failing.report(failing.decide(), failure_mode="timeout")
        failing.tick()
    shed = failing.decide()
    assert shed.decision.arm == "low"
    assert "high is shed (100% of its calls time out or are late)" in shed.decision.reason
    failing.tick(31.0)
    taken = [failing.decide() for _ in range(100)]
    probes = [item for item in taken if item.decision.arm == "high"]
    assert 8 <= len(probes) <= 35
    for probe in probes:
        failing.report(probe, latency_ms=9000.0, success=1.0)
    failing.tick()
    assert {failing.decide().decision.arm for _ in range(20)} == {"high"}


def test_the_alarm_of_bloat_looks_at_hidden_tokens() -> None:
    wordy, brooding = world(), world()
    expected = wordy.decide().record
    assert expected is not None
    tokens = expected.prediction.output_tokens_mean[2]
    for _ in range(30):
        wordy.report(wordy.decide(), output_tokens=int(2 * tokens), reasoning_tokens=int(0.8 * tokens))
        brooding.report(brooding.decide(), output_tokens=int(1.4 * tokens), reasoning_tokens=int(1.38 * tokens))
    wordy.tick()
    brooding.tick()
    assert not wordy.steering.view.health.states["high"].bloated
    assert brooding.steering.view.health.states["high"].bloated


def test_success_is_judged_per_task_also_where_the_model_names_it() -> None:
    wrong = world()
    for _ in range(60):
        wrong.report(wrong.decide(ask(task="maths")), success=0.0, failure_mode="verbose_wrong_answer")
    wrong.tick()
    assert wrong.decide(ask(task="maths")).decision.arm == "low"
    assert wrong.decide(ask(task="writing")).decision.arm == "high"
    assert wrong.decide().decision.arm == "high"
    wrong.tick(72 * HOUR_S)
    assert wrong.decide(ask(task="maths")).decision.arm == "high"


# --- sessions -------------------------------------------------------------------------------------------------------


def test_a_session_holds_its_arm_for_the_cost_of_switching() -> None:
    sticky = world(sessions=SessionSettings(session_minutes=10.0))
    sticky.engine = Engine(
        Fixed(forecast((0.03, 0.029))),
        Policy(terms=Terms(value_of_success_usd=Usd(1.0), switching_cost_usd=0.05), sessions=sticky.policy.sessions),
        price_book(ARMS),
        clock=lambda: sticky.now,
    )
    assert sticky.decide(ask(session_id="s", client_effort="high")).decision.arm == "high"
    assert sticky.decide(ask(session_id="s")).decision.arm == "high"
    assert sticky.decide(ask(session_id="other")).decision.arm == "low"
    sticky.tick(601.0)
    assert sticky.decide(ask(session_id="s")).decision.arm == "low"


def test_a_tool_loop_keeps_arm_and_effort_whatever_the_client_says_later() -> None:
    talk = world()
    asked = Message("user", "Look it up.")
    first = talk.decide(Request((asked,), session_id="s", client_effort="medium")).decision
    assert (first.arm, first.effort) == ("low", "medium")
    loop = (asked, Message("assistant", "", tool_calls=1), Message("tool", "42"))
    for wish in (None, "none", "max"):
        turn = talk.decide(Request(loop, session_id="s", client_effort=wish)).decision  # type: ignore[arg-type]
        assert (turn.arm, turn.effort) == ("low", "medium")


def test_the_prompt_cache_is_taken_to_hold_for_a_while() -> None:
    cached = world(sessions=SessionSettings(cache_minutes=5.0))
    long = ask("word " * 4000, session_id="s")
    cached.decide(long)
    session = cached.steering.runtime_state(long, {}).session
    assert session is not None
    assert session.cached_tokens > 4000
    cached.tick(301.0)
    later = cached.steering.runtime_state(long, {}).session
    assert later is not None
    assert later.cached_tokens == 0
    cached.decide(ask(session_id="short"))
    short = cached.steering.runtime_state(ask(session_id="short"), {}).session
    assert short is not None
    assert short.cached_tokens == 0


def test_a_change_of_effort_reads_nothing_from_the_prompt_cache() -> None:
    talk = world()
    long = ask("word " * 40_000, session_id="s")
    talk.decide(replace(long, client_effort="high"))
    session = talk.steering.runtime_state(long, {}).session
    assert session is not None
    assert session.cache_kept_by == ("high",)
    assert session.cached_for("high", same_model=True) > 40_000
    assert session.cached_for("direct", same_model=True) == 0


def test_a_change_inside_the_conversation_keeps_the_prompt_cache_of_reasoning_arms() -> None:
    talk = world()
    long = ask("word " * 40_000, session_id="s", effort_in_band=True)
    decided = talk.engine.decide_recorded(replace(long, client_effort="low"))
    applied = Applied("m", "low", "", "low", 1.0, "ext_proc", EffortHistory("low"))
    talk.steering.decided(long, replace(decided, applied=applied))
    session = talk.steering.runtime_state(long, {}).session
    assert session is not None
    assert session.effort_history == EffortHistory("low")
    assert session.cache_kept_by == ("low", "high")
    plain = talk.steering.runtime_state(replace(long, effort_in_band=False), {}).session
    assert plain is not None
    assert (plain.effort_history, plain.cache_kept_by) == (None, ("low",))


def test_a_conversation_without_a_name_is_followed_from_call_to_call() -> None:
    talk = world()
    names = SessionIdentifier(talk.table, lambda: os.urandom(ROOT_BYTES))
    asked = (Message("system", "Be brief."), Message("user", "Plan the move."))
    first = names.identify(Request(asked, client_effort="high"))
    assert talk.steering.runtime_state(first, {}).session is None
    talk.decide(first)
    stranger = names.identify(Request(asked))
    assert stranger.session_id != first.session_id
    longer = (*asked, Message("assistant", "1. ..."), Message("system", "reminder"), Message("user", "And step 2?"))
    second = names.identify(Request(longer))
    assert second.session_id == first.session_id
    session = talk.steering.runtime_state(second, {}).session
    assert session is not None
    assert (session.arm, session.effort) == ("high", "high")
    talk.decide(second)
    third = names.identify(Request((*longer, Message("assistant", "2. ..."), Message("user", "Thanks."))))
    assert third.session_id == first.session_id
    elsewhere = names.identify(Request(longer, tenant="other"))
    assert elsewhere.session_id != first.session_id


def test_calls_of_one_template_are_not_one_session() -> None:
    talk = world()
    names = SessionIdentifier(talk.table, lambda: os.urandom(ROOT_BYTES))
    shots = (Message("user", "2+2?"), Message("assistant", "4"))
    found = set()
    for number in range(20):
        request = names.identify(Request((*shots, Message("user", f"{number}+1?"))))
        assert talk.steering.runtime_state(request, {}).session is None
        talk.decide(request)
        found.add(request.session_id)
    assert len(found) == 20


# --- all together ---------------------------------------------------------------------------------------------------


def test_every_decision_of_a_busy_day_is_made_again_from_its_record_to_the_bit() -> None:
    rng = random.Random(8)
    busy = world(budget=BudgetSettings(hour_usd=Usd(0.3), day_usd=Usd(5.0), hard_stop=True))
    kinds: set[tuple[bool, bool, bool]] = set()
    for _ in range(400):
        request = ask(task=rng.choice((None, "maths", "writing")), session_id=rng.choice((None, "a", "b", "c")))
        decided = busy.decide(request)
        assert decided.record is not None
        runtime_state = decided.record.runtime_state
        kinds.add((runtime_state.cost_multiplier > 0.0, runtime_state.session is not None, bool(runtime_state.health)))
        stored = DecisionRecord.from_json(decided.record.to_json())
        again = replay_decision(stored, ARMS, busy.policy, busy.engine.prices)
        assert replace(again, elapsed_us=decided.decision.elapsed_us) == decided.decision
        if rng.random() < 0.6:
            failed = rng.random() < 0.3
            busy.report(
                decided,
                success=float(rng.random() < 0.5),
                latency_ms=rng.uniform(100.0, 90_000.0),
                output_tokens=rng.randrange(9000),
                failure_mode="timeout" if failed else None,
                cost_usd=rng.uniform(0.0, 0.1),
            )
        busy.tick(rng.choice((0.0, 1.0, 30.0)))
    assert len(kinds) >= 5


STEPS = st.lists(
    st.tuples(
        st.sampled_from((0.0, 1.0, 20.0, 400.0, 4000.0)),
        st.sampled_from((None, "maths")),
        st.sampled_from((None, "s", "t")),
        st.sampled_from((None, "none", "medium", "max")),
        st.none() | st.floats(0, 1),
        st.none() | st.sampled_from(("timeout", "task_drift")),
        st.integers(0, 30_000),
    ),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=40)
@given(STEPS, st.sampled_from((0.001, 0.3, 100.0)), st.booleans())
def test_whatever_happened_before_a_decision_keeps_its_promises(steps: Any, usd: float, hard: bool) -> None:
    lived = world(budget=BudgetSettings(hour_usd=Usd(usd), hard_stop=hard))
    for wait, task, session, client, success, mode, tokens in steps:
        lived.tick(wait)
        request = ask(task=task, session_id=session, client_effort=client)
        runtime_state = lived.steering.runtime_state(request, {})
        assert 0.0 <= runtime_state.cost_multiplier <= 1000.0
        decided = lived.decide(request)
        decision, limits = decided.decision, lived.policy.terms.limits
        assert 0.0 < decision.propensity <= 1.0
        assert 0 <= decision.caps.max_reasoning_tokens <= limits.reasoning_tokens
        assert 0 <= decision.caps.max_retries <= limits.retries
        assert 1 <= decision.caps.max_total_ms <= limits.total_ms
        assert decided.record is not None
        assert not decided.record.runtime_state.task_shifts
        again = replay_decision(
            DecisionRecord.from_json(decided.record.to_json()), ARMS, lived.policy, lived.engine.prices
        )
        assert replace(again, elapsed_us=decision.elapsed_us) == decision
        asked = [
            effort_rank(lived.engine.decide(replace(request, value_of_success_usd=Usd(value)), runtime_state).effort)
            for value in (0.01, 0.1, 1.0, 10.0, 100.0)
        ]
        assert asked == sorted(asked)
        waits = [
            dict(zip([arm.name for arm in ARMS], (1, 6, 20), strict=True))[
                lived.engine.decide(replace(request, deadline_ms=deadline), runtime_state).arm
            ]
            for deadline in (1.0, 3000.0, 15_000.0, 100_000.0)
        ]
        assert waits == sorted(waits)
        lived.report(decided, success=success, failure_mode=mode, output_tokens=tokens, latency_ms=float(tokens))


def test_the_thread_survives_surprises_and_counts_what_is_left_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    ledger = MemorySpendLedger()
    real = world(ledger, BudgetSettings(day_usd=Usd(1.0)))
    looks = []
    look = real.steering.look

    def stumble() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise RuntimeError("secret prompt")
        look()

    real.steering.look = stumble  # type: ignore[method-assign]
    with caplog.at_level(logging.ERROR):
        real.steering.start(0.01)
        while len(looks) < 5:
            time.sleep(0.01)
        real.decide()
        real.steering.close()
    assert "steering: RuntimeError" in caplog.text
    assert "secret" not in caplog.text
    assert ledger.read(0)[""]


CONFLICT = Applied("m", "none", "conflict:temperature", "direct", 1.0, "rewrite")


def test_a_session_remembers_what_was_applied() -> None:
    made = world()
    request = ask(session_id="s")
    decided = made.engine.decide_recorded(request)
    assert decided.decision.arm != "direct"
    made.steering.decided(request, replace(decided, applied=CONFLICT))
    session = made.steering.runtime_state(request, {}).session
    assert session is not None
    assert (session.arm, session.effort) == ("direct", "none")
    made.steering.decided(request, replace(decided, applied=Applied("x", None, "unknown_model")))
    assert made.steering.runtime_state(request, {}).session == session


def test_a_budget_is_charged_what_was_applied() -> None:
    spent = []
    for applied in (None, CONFLICT, Applied("x", None, "unknown_model")):
        ledger = MemorySpendLedger()
        made = world(ledger, BudgetSettings(day_usd=Usd(10.0)))
        decided = made.engine.decide_recorded(ask())
        made.steering.decided(ask(), replace(decided, applied=applied))
        made.tick(2.0)
        (hours,) = ledger.read(0).values()
        (sums,) = hours.values()
        spent.append(sums.forecast_usd)
        estimates = decided.decision.estimates
        served = "direct" if applied is CONFLICT else decided.decision.arm
        # What is not applied costs the same at every multiplier; what is follows the budget.
        assert (set(sums.demand) == {estimates[served].cost_usd}) == (applied is not None)
    assert spent == pytest.approx(
        [estimates[name].cost_usd for name in (decided.decision.arm, "direct", decided.decision.arm)]
    )


def test_guards_hold_an_outcome_against_the_arm_that_was_applied() -> None:
    made = world()
    for applied in (CONFLICT, Applied("x", None, "unknown_model")):
        for _ in range(30):
            decided = made.engine.decide_recorded(ask())
            assert decided.decision.arm != "direct"
            made.steering.decided(ask(), replace(decided, applied=applied))
            made.tick(0.1)
            made.report(decided, failure_mode="timeout")
        made.tick()
    for _ in range(30):
        decided = made.engine.decide_recorded(ask())
        made.steering.decided(ask(), decided)
        made.tick(0.1)
        made.report(decided, failure_mode="timeout", applied_effort="minimal")
    made.tick()
    failing = {name: state.failing for name, state in made.steering.view.health.states.items()}
    assert failing.pop("direct") > 0.5
    assert max(failing.values(), default=0.0) == 0.0
