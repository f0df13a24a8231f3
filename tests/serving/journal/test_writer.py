"""The writer: nothing acknowledged is lost, nothing waits for the database."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy.exc import DataError, OperationalError

from serving.journal import DecisionRow, Journal, JournalUnavailable, OutcomeRow, Store
from serving.journal.settings import JournalSettings
from tests.support.journal_rows import decision


class Flaky(Store):
    """A store whose database can be taken away."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.down = False
        self.poison: set[str] = set()

    def append(self, decided: Sequence[DecisionRow], reported: Sequence[OutcomeRow]) -> None:
        if self.down:
            raise OperationalError("insert", {}, Exception("gone"))
        if self.poison & {row.decision_id for row in decided}:
            raise DataError("insert", {}, Exception("no"))
        super().append(decided, reported)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def counted(url: str) -> tuple[int, int]:
    store = Store(url)
    try:
        return store.count()
    finally:
        store.close()


def open_journal(url: str, tmp_path: Path, **settings: int) -> tuple[Journal, Flaky]:
    store = Flaky(url)
    return Journal(store, tmp_path / "spool", JournalSettings(**settings)), store


def test_rows_reach_the_database(url: str, tmp_path: Path) -> None:
    journal, _ = open_journal(url, tmp_path)
    for i in range(50):
        journal.record(decision(f"{i}"))
    assert journal.report([OutcomeRow("1", 1.0, success=1.0)]).result(10) == 1
    journal.close()
    assert counted(url) == (50, 1)


def test_an_outage_spools_and_recovers(url: str, tmp_path: Path) -> None:
    journal, store = open_journal(url, tmp_path)
    journal.record(decision("a"))
    wait_for(lambda: journal.stats().written_decisions == 1)
    store.down = True
    journal.record(decision("b"))
    assert journal.report([OutcomeRow("b", 1.0, success=0.5)]).result(10) == 1
    wait_for(lambda: journal.stats().spooled == 2)
    assert not journal.stats().healthy
    store.down = False
    wait_for(lambda: journal.stats().spool_bytes == 0 and journal.stats().healthy)
    journal.close()
    assert counted(url) == (2, 1)


def test_a_full_spool_loses_decisions_visibly_and_refuses_outcomes(tmp_path: Path) -> None:
    bounds = {"decision_spool_bytes": 1000, "outcome_spool_bytes": 400}
    journal, store = open_journal(f"sqlite:///{tmp_path / 'j.db'}", tmp_path, **bounds)
    store.down = True
    for i in range(20):
        journal.record(decision(f"{i}"))
    wait_for(lambda: journal.stats().lost_decisions == 20)
    accepted = refused = 0
    for i in range(10):
        try:
            accepted += journal.report([OutcomeRow(f"{i}", 1.0, success=1.0)]).result(10)
        except JournalUnavailable:
            refused += 1
    assert accepted > 0
    assert refused > 0
    store.down = False
    wait_for(lambda: journal.stats().healthy and journal.stats().spool_bytes == 0)
    journal.close()
    assert counted(f"sqlite:///{tmp_path / 'j.db'}") == (0, accepted)


def test_a_row_that_the_database_refuses_does_not_hold_up_the_others(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'j.db'}"
    journal, store = open_journal(url, tmp_path)
    store.poison = {"3"}
    for i in range(9):
        journal.record(decision(f"{i}"))
    wait_for(lambda: journal.stats().rejected == 1)
    journal.close()
    assert counted(url) == (8, 0)


REPORTER = """
import sys
from pathlib import Path
from serving.journal import Journal, OutcomeRow, Store
journal = Journal(Store(sys.argv[1]), Path(sys.argv[2]))
i = int(sys.argv[3])
while True:
    journal.report([OutcomeRow(f"{i}", float(i), success=1.0)]).result(30)
    print(i, flush=True)
    i += 1
"""


@pytest.mark.parametrize("kills", [int(os.environ.get("THINKGATE_KILLS", "4"))])
def test_kill_dash_nine_loses_no_acknowledged_outcome(kills: int, tmp_path: Path) -> None:
    path, rng, acknowledged = tmp_path / "j.db", random.Random(7), list[int]()
    for kill in range(kills):
        arguments = [f"sqlite:///{path}", str(tmp_path / "spool"), str(kill * 1_000_000)]
        with subprocess.Popen(
            [sys.executable, "-c", REPORTER, *arguments], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            acknowledged.append(int(process.stdout.readline()))
            time.sleep(rng.uniform(0, 0.2))
            process.send_signal(signal.SIGKILL)
            acknowledged += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    with sqlite3.connect(path) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        kept = {int(row[0]) for row in connection.execute("select decision_id from outcomes")}
    connection.close()
    assert len(acknowledged) > kills
    assert set(acknowledged) <= kept


def test_what_is_older_than_the_retention_is_deleted(url: str, tmp_path: Path) -> None:
    now = 10 * 86_400.0
    store = Flaky(url)
    store.upgrade()
    store.append([decision("old", decided_at=now - 3 * 86_400)], [OutcomeRow("old", now, success=1.0)])
    store.append([decision("new", decided_at=now - 86_400)], [OutcomeRow("orphan", 5.0, success=1.0)])
    journal = Journal(store, tmp_path / "spool", JournalSettings(retention_days=2.0), wall_clock=lambda: now)
    wait_for(lambda: journal.stats().forgotten == 1)
    journal.close()
    assert counted(url) == (1, 0)


def test_forgetting_takes_what_waits_on_disk_along(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'j.db'}"
    journal, store = open_journal(url, tmp_path)
    store.down = True
    journal.record(decision("a", tenant="x"))
    journal.record(decision("b", tenant="y"))
    wait_for(lambda: journal.stats().spooled == 2)
    with pytest.raises(JournalUnavailable):
        journal.forget(tenant="x").result(10)
    store.down = False
    wait_for(lambda: journal.stats().healthy and journal.stats().spool_bytes == 0)
    assert journal.forget(tenant="x").result(10) == 1
    journal.close()
    assert counted(url) == (1, 0)


def test_forgetting_takes_what_waits_in_memory_along(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'j.db'}"
    journal, _ = open_journal(url, tmp_path, batch=10, flush_ms=60_000.0)  # nothing but the order wakes the writer
    for number in range(25):
        journal.record(decision(f"x{number}", tenant="x"))
    assert journal.forget(tenant="x").result(10) == 25
    journal.close()
    assert counted(url) == (0, 0)


def test_a_deferred_report_goes_with_the_next_that_is_not(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'j.db'}"
    journal, store = open_journal(url, tmp_path, flush_ms=60_000.0)  # nothing but a reporter who waits wakes the writer
    sizes = []
    append = store.append

    def counting(decided: Sequence[DecisionRow], reported: Sequence[OutcomeRow]) -> None:
        sizes.append(len(reported))
        append(decided, reported)

    store.append = counting  # type: ignore[method-assign]
    deferred = [journal.report([OutcomeRow(f"p{number}", 1.0)], deferred=True) for number in range(20)]
    assert journal.report([OutcomeRow("now", 1.0)]).result(10) == 1
    assert [future.result(0) for future in deferred] == [1] * 20
    assert sizes == [21]
    last = journal.report([OutcomeRow("last", 1.0)], deferred=True)
    journal.close()
    assert last.result(0) == 1
    assert counted(url) == (0, 22)


def test_a_refused_row_is_kept_for_people(tmp_path: Path) -> None:
    journal, store = open_journal(f"sqlite:///{tmp_path / 'j.db'}", tmp_path)
    store.poison = {"3"}
    journal.record(decision("3"))
    wait_for(lambda: journal.stats().rejected == 1)
    journal.close()
    assert '"decision_id":"3"' in (tmp_path / "spool" / "rejected.spool").read_text()


def test_an_empty_queue_is_no_sign_of_health(tmp_path: Path) -> None:
    journal, store = open_journal(f"sqlite:///{tmp_path / 'j.db'}", tmp_path)
    asked = []

    def refuse(*_rows: object) -> None:
        asked.append(time.monotonic())
        raise OperationalError("insert", {}, Exception("gone"))

    store.append = refuse  # type: ignore[method-assign]
    journal.record(decision("a"))
    time.sleep(1.5)
    assert not journal.stats().healthy
    assert 2 <= len(asked) <= 6  # after 0.1, 0.2, 0.4, 0.8 s: ever more seldom
    del store.append  # type: ignore[method-assign]
    wait_for(lambda: journal.stats().healthy and journal.stats().spool_bytes == 0)
    journal.close()
