"""Policy snapshots: one per version, written in the background, retried while the journal is down, read back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from serving.decision import Engine, Usd
from serving.decision.policy import Policy, Terms, parse_policy
from serving.decision.pricing import price_book
from serving.decision.prior import PriorModel
from serving.decision.types import Arm, Price
from serving.journal import Store
from serving.journal.policy_snapshot import bind_snapshot, snapshot_policy
from serving.model.prepared_model import PreparedModel
from serving.model.slot import EngineSlot
from serving.service.policy_snapshots import PolicySnapshots
from tests.support.policy_cases import ask

PRICE = Price(1.25, 10.0, 0.125)
ARMS = (Arm("direct", "m", "none", price=PRICE), Arm("reasoning", "m", "high", price=PRICE))
TEXT = 'name = "p"\nvalue_of_success_usd = 2\n[[rule]]\ndeny = ["reasoning"]\ntask = ["maths"]\n'


def wait_for(happened: Callable[[], object]) -> None:
    for _ in range(1000):
        with contextlib.suppress(SQLAlchemyError):  # its tables come while we wait
            if happened():
                return
        time.sleep(0.01)
    pytest.fail("it did not happen")


@pytest.fixture
def prepared() -> PreparedModel:
    prior = PriorModel(ARMS)
    return PreparedModel(prior, prior, ARMS, price_book(ARMS))


def _decide(slot: EngineSlot, snapshots: PolicySnapshots) -> str:
    decided = slot.live.decider.decide_recorded(ask())
    snapshots.decided(ask(), decided)
    return decided.decision.policy


def test_each_version_is_stored_once_and_found_by_another_process(tmp_path: Path, prepared: PreparedModel) -> None:
    store = Store(f"sqlite:///{tmp_path / 'journal.db'}")
    store.upgrade()
    slot = EngineSlot(prepared.live(parse_policy(TEXT, arms=ARMS)))
    snapshots = PolicySnapshots(slot, store)
    versions = {_decide(slot, snapshots) for _ in range(3)}
    assert len(versions) == 1
    version = versions.pop()
    wait_for(lambda: store.policy_snapshot(version))
    found = PolicySnapshots(slot, store).find(version)
    assert found is not None
    assert found.version == version
    assert PolicySnapshots(slot, store).find("p@unknown") is None
    store.close()


def test_a_policy_made_in_code_is_known_to_its_own_process_only(tmp_path: Path, prepared: PreparedModel) -> None:
    store = Store(f"sqlite:///{tmp_path / 'journal.db'}")
    store.upgrade()
    slot = EngineSlot(prepared.live(Policy("new", Terms(value_of_success_usd=Usd(9.0)))))
    snapshots = PolicySnapshots(slot, store)
    version = _decide(slot, snapshots)
    wait_for(lambda: store.policy_snapshot(version))
    assert snapshots.find(version) is not None
    assert PolicySnapshots(slot, store).find(version) is None
    store.close()


def test_a_snapshot_binds_to_the_version_that_it_was_taken_of() -> None:
    prior = PriorModel(ARMS)
    engine = Engine(prior, parse_policy(TEXT, arms=ARMS), prior=prior)
    assert bind_snapshot(snapshot_policy(engine.bound_policy, engine.prices)).version == engine.version


def test_writing_is_retried_while_the_journal_is_down(tmp_path: Path, prepared: PreparedModel) -> None:
    late = Store(f"sqlite:///{tmp_path / 'late.db'}")
    slot = EngineSlot(prepared.live(Policy()))
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            late.upgrade()

    _decide(slot, PolicySnapshots(slot, late, pause))
    wait_for(lambda: len(pauses) >= 3 and late.policy_snapshot(slot.live.policy))
    assert pauses == [0.0, 0.2, 1.0]
    late.close()
