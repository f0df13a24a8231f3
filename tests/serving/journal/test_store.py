"""Store: one contract on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.journal.policy_snapshot import PolicySnapshotRow
from serving.journal.rows import OutcomeRow
from serving.journal.store import CHUNK, Store
from tests.support.journal_rows import decision


def test_a_decision_comes_back_as_it_was(store: Store) -> None:
    row = decision("a", tenant="t", messages='["¿qué? 你好"]', replay="{}", fallback="baseline")
    store.append([row], [])
    entry = store.entry("a")
    assert entry is not None
    assert entry.decision == row
    assert entry.outcome is None
    assert store.entry("b") is None


def test_what_a_database_cannot_hold_is_replaced(store: Store) -> None:
    store.append([decision("a", messages="x\x00y\ud800")], [])
    entry = store.entry("a")
    assert entry is not None
    assert entry.decision.messages == "x\ufffdy\ufffd"


def test_reports_are_idempotent_merged_and_corrected_in_any_order(store: Store) -> None:
    store.append([], [OutcomeRow("a", 3.0, success=1.0)])  # before its decision, and the correction first
    store.append([decision("a")], [OutcomeRow("a", 1.0, success=0.0, latency_ms=80.0)])
    store.append([decision("a")], [OutcomeRow("a", 1.0, success=0.0, latency_ms=80.0)])
    entry = store.entry("a")
    assert entry is not None
    assert entry.outcome == OutcomeRow("a", 3.0, success=1.0, latency_ms=80.0)
    assert store.count() == (1, 1)
    store.append([], [OutcomeRow("a", 5.0, success=0.0, latency_ms=80.0)])  # corrected back
    again = store.entry("a")
    assert again is not None
    assert again.outcome is not None
    assert again.outcome.success == 0.0


def test_entries_page_through_equal_times(store: Store) -> None:
    rows = [decision(f"{i:06d}", decided_at=float(i // 700)) for i in range(CHUNK + 500)]
    store.append(rows, [OutcomeRow("000007", 9.0, success=1.0)])
    read = list(store.entries())
    assert [entry.decision.decision_id for entry in read] == [row.decision_id for row in rows]
    assert [entry.decision.decision_id for entry in read if entry.outcome] == ["000007"]
    assert len(list(store.entries(since=1.0, until=2.0))) == 700


def test_forget_by_tenant_session_and_age(store: Store) -> None:
    store.append(
        [decision("a", tenant="x"), decision("b", session_id="s"), decision("c", decided_at=5.0), decision("d")],
        [OutcomeRow(name, 1.0, success=1.0) for name in "abcd"],
    )
    assert store.forget(tenant="x") == 1
    assert store.forget(session_id="s") == 1
    assert store.forget(before=6.0) == 1
    assert [entry.decision.decision_id for entry in store.entries()] == ["d"]
    assert store.count() == (1, 1)
    with pytest.raises(ValueError, match="name a tenant"):
        store.forget()


def test_a_later_identical_report_moves_its_time_only_forward(store: Store) -> None:
    report = OutcomeRow("a", 4.0, success=1.0)
    store.append([decision("a")], [report, replace(report, reported_at=9.0)])
    store.append([], [replace(report, reported_at=2.0)])
    entry = store.entry("a")
    assert entry is not None
    assert entry.outcome is not None
    assert entry.outcome.reported_at == 9.0


def test_decisions_are_read_without_prompt_and_replay(store: Store) -> None:
    rows = [decision(f"{number:04d}", messages="[]", replay="{}") for number in range(600)]
    store.append(rows, [])
    found = store.decisions([row.decision_id for row in rows] + ["unknown"])
    assert sorted(row.decision_id for row in found) == [row.decision_id for row in rows]
    assert {(row.messages, row.replay) for row in found} == {(None, None)}
    assert store.decisions([]) == []


def test_the_first_snapshot_of_a_policy_version_stays(store: Store) -> None:
    first = PolicySnapshotRow("v1", arms="[]", policy="", prices="{}")
    store.save_policy_snapshot(first)
    store.save_policy_snapshot(replace(first, policy="changed"))
    assert store.policy_snapshot("v1") == first
    assert store.policy_snapshot("v2") is None
