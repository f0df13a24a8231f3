"""The short form of what `make bench NAME=endurance` runs long: kills, swaps, and things that break under load."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg
import pytest

from serving.journal import DecisionRow, Journal, OutcomeRow, Store
from serving.journal.settings import JournalSettings
from tests.support import endurance
from tests.support.journal_rows import decision
from tests.support.postgres import Postgres


@pytest.mark.parametrize(("workers", "kills"), [(1, 4), (2, 1)])
def test_kill_dash_nine_under_reports(workers: int, kills: int, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'j.db'}"
    result = endurance.kill_rounds(kills, url, tmp_path / "spool", workers=workers)
    assert result.acknowledged > kills
    assert (result.lost, result.corrupt) == (0, 0)


def test_swaps_under_load(tmp_path: Path) -> None:
    result = endurance.swap_rounds(6, tmp_path)
    assert result.decisions > 20
    assert (result.failed, result.fallbacks, result.mixed) == (0, 0, 0)


def test_a_corrupt_bundle_is_pushed(tmp_path: Path) -> None:
    result = endurance.corrupt_bundle(tmp_path, 1.0)
    assert result.decisions > 20
    assert (result.failed, result.refused, result.same) == (0, True, True)


def test_a_full_disk(tmp_path: Path) -> None:
    result = endurance.full_disk(f"sqlite:///{tmp_path / 'j.db'}", tmp_path / "spool", 1.5)
    assert result.decisions > 20
    assert result.acknowledged > 0
    assert result.refused > 0
    assert (result.failed, result.lost) == (0, 0)


def test_postgresql_is_stopped_for_a_while() -> None:
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        data = Path(folder) / "d"
        data.mkdir()
        server = Postgres(data)
        with psycopg.connect(server.uri, autocommit=True) as connection:
            connection.execute("create database journal")
        url = server.uri.replace("/postgres?", "/journal?")
        result = endurance.under_fault(
            "postgresql stopped", url, Path(folder) / "s", lambda _: server.stop(), lambda _: server.start(), 2.0
        )
        server.stop()
    assert result.decisions > 20
    assert result.acknowledged > 20  # they went to disk meanwhile
    assert (result.failed, result.lost) == (0, 0)


def test_several_writers_share_one_sqlite_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'j.db'}"
    journals = [Journal(Store(url), tmp_path / "spool" / str(number), JournalSettings()) for number in range(4)]
    done = []
    for turn in range(60):
        for number, journal in enumerate(journals):
            row: DecisionRow = decision(f"{number}-{turn}")
            journal.record(row)
            done.append(journal.report([OutcomeRow(row.decision_id, 1.0, success=1.0)]))
    assert sum(each.result(60) for each in done) == 240
    for journal in journals:
        journal.close()
    assert not list(tmp_path.rglob("outcomes.spool"))
    store = Store(url)
    assert store.count() == (240, 240)
    store.close()


def test_a_soak_at_half_load(tmp_path: Path) -> None:
    result = endurance.soak(0.1, tmp_path, filled=300)
    assert result.decisions > 20
    assert result.failed == 0
    assert result.rate < result.saturation
    assert result.growth < 0.2  # seconds tell of a burst of memory; the hour tells of a leak
