"""The shadow: its word joins the row, what is served never changes, and a busy shadow sheds instead of waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from serving.decision.engine import Engine
from serving.decision.policy.policy import Policy, Terms
from serving.decision.prior.model import PriorModel
from serving.decision.types import Message, Prediction, Request, Usd
from serving.journal import Journal, Store
from serving.model.prepared_model import PreparedModel
from serving.model.shadow import Shadow
from serving.model.slot import EngineSlot, LiveEngine
from serving.service.decision_service import DecisionService
from tests.support.fakes import BrokenDecider, Ticks, make_service
from tests.support.policy_cases import ARMS, Counter, Fixed, forecast

HELLO = Request((Message("user", "hello"),))


def ground_of(model: object) -> PreparedModel:
    prior = PriorModel(ARMS)
    engine = Engine(Fixed(forecast()))
    return PreparedModel(model, prior, ARMS, engine.prices)  # type: ignore[arg-type]


def keen(name: str = "keen") -> Fixed:
    """A model that finds reasoning worth a lot."""
    return replace(Fixed(forecast(uplift=(0.2, 0.39))), bundle_id=name)


def guard_of(shadow: Shadow) -> DecisionService:
    engine = Engine(Fixed(forecast(uplift=(-0.2, -0.3))), ids=Counter())
    return DecisionService(
        EngineSlot(LiveEngine(engine, ARMS, "fixed", engine.version)), "baseline", Ticks(), Counter(), sinks=(shadow,)
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(Store(f"sqlite:///{tmp_path / 'j.db'}"), tmp_path / "spool")
    yield journal
    journal.close()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def test_its_word_joins_the_row_and_changes_nothing(journal: Journal) -> None:
    shadow = Shadow(journal, "none", Policy)
    guard = guard_of(shadow)
    before = guard.decide(HELLO)
    shadow.take(ground_of(keen()))
    after = guard.decide(HELLO)
    assert (before.arm, after.arm) == ("direct", "direct")
    until(lambda: journal.stats().written_decisions == 2)
    rows = {row.decision_id: row for row in journal.store.decisions([before.decision_id, after.decision_id])}
    assert (rows[before.decision_id].shadow_bundle_id, rows[before.decision_id].shadow_arm) == (None, None)
    assert (rows[after.decision_id].shadow_bundle_id, rows[after.decision_id].shadow_arm) == ("keen", "high")
    assert rows[after.decision_id].bundle_id == "fixed"
    assert (shadow.stats.decided, shadow.stats.agreed, shadow.bundle_id) == (1, 0, "keen")
    shadow.close()


def test_it_follows_the_policy_that_holds(journal: Journal) -> None:
    policies = [Policy()]
    shadow = Shadow(journal, "none", lambda: policies[0])
    shadow.take(ground_of(keen()))
    guard = guard_of(shadow)
    guard.decide(HELLO)
    until(lambda: shadow.stats.decided == 1)
    policies[0] = Policy(terms=Terms(value_of_success_usd=Usd(0.0)))
    last = guard.decide(HELLO)
    until(lambda: journal.stats().written_decisions == 2)
    assert journal.store.decisions([last.decision_id])[0].shadow_arm == "direct"
    shadow.close()


class Slow(Fixed):
    """A model that takes its time."""

    def predict_request(self, request: Request) -> Prediction:
        time.sleep(0.02)
        return self.prediction


class Broken(Fixed):
    """A model that fails."""

    def predict_request(self, request: Request) -> Prediction:
        raise RuntimeError("no")


def test_a_busy_shadow_sheds_and_loses_no_row(journal: Journal) -> None:
    shadow = Shadow(journal, "none", Policy)
    shadow.take(ground_of(Slow(forecast())))
    guard = guard_of(shadow)
    started = time.monotonic()
    for _ in range(400):
        guard.decide(HELLO)
    assert time.monotonic() - started < 400 * 0.02  # nobody waited for it
    assert shadow.stats.shed >= 400 - 128 - 50
    shadow.close()
    until(lambda: journal.stats().written_decisions == 400)
    assert shadow.stats.decided >= 1


def test_a_broken_shadow_is_counted_and_hurts_nobody(journal: Journal) -> None:
    shadow = Shadow(journal, "none", Policy)
    shadow.take(ground_of(Broken(forecast())))
    guard = guard_of(shadow)
    assert guard.decide(HELLO).fallback is None
    until(lambda: journal.stats().written_decisions == 1)
    assert (shadow.stats.failed, shadow.stats.decided) == (1, 0)
    shadow.close()


def test_a_fallback_has_no_shadow(journal: Journal) -> None:
    shadow = Shadow(journal, "none", Policy)
    shadow.take(ground_of(keen()))
    make_service(BrokenDecider(), sinks=(shadow,)).decide(HELLO)
    until(lambda: journal.stats().written_decisions == 1)
    assert shadow.stats.decided == 0
    shadow.close()
