"""A bundle and a journal that release 0.1.0 wrote still load, and its decisions come out the same to the bit."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from serving.decision.bundle import load_bundle
from serving.decision.selection import DecisionRecord, decide_from_record
from serving.journal import Store
from serving.journal.policy_snapshot import bind_snapshot
from tests.support.servers import ROOT

RELEASE = ROOT / "tests" / "golden" / "release_0_1_0"
ANSWERS = json.loads((RELEASE / "decisions.json").read_text())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((RELEASE / "journal.sql").read_text())
    connection.close()
    store = Store(f"sqlite:///{path}")
    store.upgrade()
    return store


def test_its_bundle_loads_and_is_proven() -> None:
    bundle = load_bundle(RELEASE / "bundle")
    assert bundle.bundle_id == ANSWERS[0]["bundle_id"]
    assert [arm.name for arm in bundle.arms] == ["direct", "reasoning"]


def test_its_journal_holds_all_decisions_and_outcomes(store: Store) -> None:
    entries = [store.entry(answer["decision_id"]) for answer in ANSWERS]
    assert [entry.decision.arm for entry in entries if entry] == [answer["arm"] for answer in ANSWERS]
    assert [entry.outcome.success if entry and entry.outcome else None for entry in entries] == [
        0.0,
        1.0,
        0.0,
        1.0,
        None,
    ]
    store.close()


def test_its_decisions_replay_to_the_bit(store: Store) -> None:
    for answer in ANSWERS:
        entry = store.entry(answer["decision_id"])
        assert entry is not None
        assert entry.decision.replay is not None
        record = DecisionRecord.from_json(entry.decision.replay)
        snapshot = store.policy_snapshot(record.policy)
        assert snapshot is not None
        again = decide_from_record(record, bind_snapshot(snapshot))
        assert (again.arm, again.propensity, again.reason) == (answer["arm"], answer["propensity"], answer["reason"])
        for name, estimate in again.estimates.items():
            assert estimate.success == answer["estimates"][name]["success"]
            assert estimate.cost_usd == answer["estimates"][name]["cost_usd"]
    store.close()
