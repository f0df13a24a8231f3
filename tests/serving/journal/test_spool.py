"""Spool: rows on disk are bounded, checked line by line, and handed over until they are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.journal.rows import DecisionRow, OutcomeRow
from serving.journal.settings import JournalSettings
from serving.journal.spool import Spool, SpoolFolder, SpoolFull
from tests.support.journal_rows import decision

ROWS = [OutcomeRow(name, 1.0, success=0.5, failure_mode="timeout") for name in "abcde"]


def drained(spool: Spool, chunk: int = 500) -> list[object]:
    taken: list[object] = []
    while spool.drain_some(taken.extend, chunk):
        pass
    return taken


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "s", OutcomeRow, 10_000)


def test_rows_come_back_as_they_were_in_their_order(spool: Spool, tmp_path: Path) -> None:
    spool.append(ROWS, durable=True)
    assert drained(spool, chunk=2) == ROWS
    assert not (tmp_path / "s").exists()
    decisions = Spool(tmp_path / "d", DecisionRow, 10_000)
    row = decision("a", messages='["你好"]', fallback="baseline")
    decisions.append([row], durable=False)
    assert drained(decisions) == [row]


def test_text_that_no_database_stores_is_replaced(spool: Spool) -> None:
    spool.append([OutcomeRow("a", 1.0, model="x\x00\ud800")], durable=False)
    assert drained(spool) == [OutcomeRow("a", 1.0, model="x\ufffd\ufffd")]


def test_the_bound_refuses_a_batch_whole(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", OutcomeRow, 600)
    spool.append(ROWS[:1], durable=True)
    size = spool.size
    with pytest.raises(SpoolFull, match="600 bytes"):
        spool.append(ROWS, durable=True)
    assert spool.size == size
    assert drained(spool) == ROWS[:1]


def test_a_torn_tail_is_ignored_and_later_rows_are_whole(spool: Spool, tmp_path: Path) -> None:
    spool.append(ROWS[:1], durable=True)
    with (tmp_path / "s").open("ab") as file:
        file.write(b'deadbeef {"decision_id"')
    spool.append(ROWS[1:2], durable=True)
    assert drained(spool) == ROWS[:2]
    assert spool.size == 0


def test_a_line_with_a_wrong_checksum_is_left_out(spool: Spool, tmp_path: Path) -> None:
    spool.append(ROWS[:3], durable=True)
    path = tmp_path / "s"
    path.write_bytes(path.read_bytes().replace(b'"decision_id":"b"', b'"decision_id":"x"'))
    assert drained(spool) == [ROWS[0], ROWS[2]]


def test_a_failed_drain_keeps_the_rows(spool: Spool) -> None:
    spool.append(ROWS, durable=True)

    def fail(_rows: object) -> None:
        raise OSError

    with pytest.raises(OSError):
        spool.drain_some(fail)
    assert drained(spool) == ROWS


def test_another_process_hands_over_what_was_left(spool: Spool, tmp_path: Path) -> None:
    spool.append(ROWS, durable=True)
    first: list[object] = []
    assert spool.drain_some(first.extend, chunk=2)
    assert first == ROWS[:2]
    successor = Spool(tmp_path / "s", OutcomeRow, 10_000)
    assert drained(successor) == ROWS  # twice rather than never: the store ignores duplicates


def test_a_folder_hands_over_outcomes_first_and_sets_rejected_rows_aside(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path / "deep" / "spool", JournalSettings())
    row = decision("d")
    folder.decisions.append([row], durable=False)
    folder.outcomes.append(ROWS[:1], durable=True)
    assert folder.size == folder.decisions.size + folder.outcomes.size > 0
    batches: list[object] = []
    while folder.drain_some(batches.append):
        pass
    assert batches == [ROWS[:1], [row]]
    folder.set_aside(row)
    assert folder.size == 0
    assert '"decision_id":"d"' in (tmp_path / "deep" / "spool" / "rejected.spool").read_text()
