"""Inputs of a retraining: what is exported of a journal, what is refused, and the lock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serving.decision.errors import BadInput
from serving.decision.policy.bound_policy import bind_policy
from serving.decision.policy.policy import Policy
from serving.decision.pricing.price_book import price_book
from serving.journal.policy_snapshot import snapshot_policy
from serving.journal.rows import JournalEntry, OutcomeRow
from tests.support.fakes import ARMS
from tests.support.journal_rows import decision
from tests.support.synthetic_journal import journal
from training.errors import BadHistory
from training.records.history import read
from training.retraining.inputs import RunInProgress, exclusive_lock, export_journal, gather_inputs

REPLAY = json.dumps({"context": {"value_of_success_usd": 0.25}})
MESSAGES = json.dumps([{"role": "user", "content": "What is 2 + 2?"}])


def entry(number: int, success: float | None = 1.0, called: str | None = None, **changes: object) -> JournalEntry:
    row = decision(f"d{number}", **{"replay": REPLAY, "messages": MESSAGES, **changes})
    return JournalEntry(row, OutcomeRow(row.decision_id, 1.0, success=success, arm=called, output_tokens=12))


def test_each_decision_is_exported_or_counted_by_reason(tmp_path: Path) -> None:
    entries = [
        entry(0),
        entry(1, None),
        JournalEntry(entry(2).decision, None),
        entry(3, messages=None),
        entry(4, replay=None),
        entry(5, called="reasoning"),
        entry(6, called="direct"),
    ]
    found = export_journal(entries, tmp_path / "journal.jsonl")
    assert (found.decisions, found.rows) == (7, 2)
    assert found.left_out == {
        "no success was reported": 2,
        "the prompt was not stored": 1,
        "a fallback made the decision": 1,
        "another arm was called": 1,
    }
    rows = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text("utf-8").splitlines()]
    assert [row["request_id"] for row in rows] == ["d0", "d6"]
    assert rows[0]["propensity"] == 0.98
    assert rows[0]["value_of_success_usd"] == 0.25
    assert rows[0]["output_tokens"] == 12


def test_an_export_is_read_as_outcome_records(tmp_path: Path) -> None:
    export_journal([entry(0)], tmp_path / "journal.jsonl")
    history = read([str(tmp_path / "journal.jsonl")], quarantine=tmp_path / "q.quarantine.jsonl")
    assert (history.counts.kept, history.counts.quarantined) == (1, {})


def test_a_journal_comes_before_the_records_that_are_named(tmp_path: Path) -> None:
    store = journal(tmp_path / "journal.db")
    made = entry(0)
    assert made.outcome is not None
    store.append([made.decision], [made.outcome])
    store.close()
    found = gather_inputs(f"sqlite:///{tmp_path / 'journal.db'}", ("more.parquet",), tmp_path)
    assert found.sources == (str(tmp_path / "journal.jsonl"), "more.parquet")
    assert found.exported is not None
    assert found.exported.rows == 1
    assert gather_inputs(None, ("more.parquet",), tmp_path).exported is None


def test_what_can_not_be_used_names_the_cure(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--journal"):
        gather_inputs(None, (), tmp_path)
    with pytest.raises(BadInput, match="is not there"):
        gather_inputs(f"sqlite:///{tmp_path / 'nowhere.db'}", (), tmp_path)
    (tmp_path / "empty.db").touch()
    with pytest.raises(BadInput, match="can't be read"):
        gather_inputs(f"sqlite:///{tmp_path / 'empty.db'}", (), tmp_path)
    store = journal(tmp_path / "journal.db")
    store.append([entry(0).decision], [])
    store.close()
    with pytest.raises(BadHistory, match="1 x no success was reported"):
        gather_inputs(f"sqlite:///{tmp_path / 'journal.db'}", (), tmp_path)


def test_only_one_run_holds_the_lock(tmp_path: Path) -> None:
    with exclusive_lock(tmp_path / "lock"):
        with pytest.raises(RunInProgress, match="another --work folder"), exclusive_lock(tmp_path / "lock"):
            pytest.fail("two runs at a time")
        with exclusive_lock(tmp_path / "other"):
            pass
    with exclusive_lock(tmp_path / "lock"):
        pass


def test_a_row_is_exported_as_what_was_applied(tmp_path: Path) -> None:
    conflict = {"applied_model": "gpt-5.1", "applied_effort": "none", "not_applied": "conflict:temperature"}
    drawn = {"arm": "reasoning", "effort": "high", "propensity": 0.1}
    entries = [
        entry(0, **drawn, **conflict, applied_arm="direct", applied_propensity=1.0),
        entry(1, **drawn, applied_model="glm-9", not_applied="unknown_model"),
        entry(2, **drawn, **{**conflict, "applied_effort": "medium", "not_applied": "client"}),
    ]
    found = export_journal(entries, tmp_path / "journal.jsonl")
    (row,) = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text("utf-8").splitlines()]
    assert (row["request_id"], row["arm"], row["propensity"], row["model"]) == ("d0", "direct", 1.0, "gpt-5.1")
    assert found.left_out == {
        "not applied (unknown_model), and what the provider was asked for is not known": 1,
        "no arm asks for what was applied (client: effort medium)": 1,
    }


def test_a_caller_s_own_effort_is_read_by_the_arms_of_the_journal(tmp_path: Path) -> None:
    store = journal(tmp_path / "journal.db")
    bound = bind_policy(ARMS, Policy(), price_book(ARMS))
    store.save_policy_snapshot(snapshot_policy(bound, price_book(ARMS)))
    sure = {"arm": "reasoning", "effort": "high", "propensity": 1.0, "policy": bound.version}
    made = [entry(number, **sure) for number in range(2)]
    reports = [
        OutcomeRow(f"d{number}", 1.0, 1.0, applied_effort=effort) for number, effort in enumerate(("none", "low"))
    ]
    store.append([each.decision for each in made], reports)
    store.close()
    found = gather_inputs(f"sqlite:///{tmp_path / 'journal.db'}", (), tmp_path)
    (row,) = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text("utf-8").splitlines()]
    assert (row["arm"], row["propensity"]) == ("direct", 1.0)
    assert found.exported is not None
    assert found.exported.left_out == {"no arm asks for what was applied (reported: effort low)": 1}
