"""Inputs of a retraining: what is exported of a journal, what is refused, and the lock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serving.decision.errors import BadInput
from serving.journal.rows import JournalEntry, OutcomeRow
from tests.support.journal_rows import decision
from tests.support.synthetic_journal import journal
from training.errors import BadHistory
from training.records.history import read
from training.retraining.inputs import RunInProgress, exclusive_lock, export_journal, gather_inputs

REPLAY = json.dumps({"context": {"value_of_success_usd": 0.25}})
MESSAGES = json.dumps([{"role": "user", "content": "What is 2 + 2?"}])


def entry(number: int, success: float | None = 1.0, arm: str | None = None, **changes: object) -> JournalEntry:
    row = decision(f"d{number}", **{"replay": REPLAY, "messages": MESSAGES, **changes})
    return JournalEntry(row, OutcomeRow(row.decision_id, 1.0, success=success, arm=arm, output_tokens=12))


def test_each_decision_is_exported_or_counted_by_reason(tmp_path: Path) -> None:
    entries = [
        entry(0),
        entry(1, None),
        JournalEntry(entry(2).decision, None),
        entry(3, messages=None),
        entry(4, replay=None),
        entry(5, arm="reasoning"),
        entry(6, arm="direct"),
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
