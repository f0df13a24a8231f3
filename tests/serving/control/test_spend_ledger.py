"""One contract for every ledger: sums add up, whoever adds, and a restart finds them again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.control.demand_forecast import GRID, SpendHour
from serving.control.spend_ledger import MemorySpendLedger, SpendEntry, SpendLedger, SqlSpendLedger, oldest_kept
from serving.decision.policy.controls import HOUR_S
from serving.journal.database import BadJournalUrl

Open = Callable[[], SpendLedger]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Open the same ledger once more."""
    ledgers: list[SpendLedger] = []
    one = MemorySpendLedger()
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    else:
        url = f"sqlite:///{tmp_path / 'spend.db'}"

    def open_it() -> SpendLedger:
        ledgers.append(one if request.param == "memory" else SqlSpendLedger(url))
        return ledgers[-1]

    yield open_it
    for ledger in ledgers:
        ledger.close()


def hour(usd: float) -> SpendHour:
    return SpendHour(usd, usd / 2, usd / 4, 1.0, tuple(usd * place for place in range(len(GRID))))


def test_entries_of_all_workers_add_up(opened: Open) -> None:
    one, two = opened(), opened()
    one.add([SpendEntry("", 10, hour(1.0)), SpendEntry("acme", 10, hour(8.0))])
    two.add([SpendEntry("", 10, hour(2.0)), SpendEntry("", 11, hour(4.0))])
    assert (
        one.read(0)
        == two.read(0)
        == {"": {10: SpendHour(3.0, 1.5, 0.75, 2.0, hour(3.0).demand), 11: hour(4.0)}, "acme": {10: hour(8.0)}}
    )
    assert {pool: hours for pool, hours in one.read(11).items() if hours} == {"": {11: hour(4.0)}}


def test_old_hours_are_forgotten(opened: Open) -> None:
    ledger = opened()
    ledger.add([SpendEntry("", 10, hour(1.0)), SpendEntry("", 12, hour(1.0))])
    ledger.forget(11)
    assert list(opened().read(0)[""]) == [12]
    assert oldest_kept(100 * 86_400.0) == (100 * 86_400 // HOUR_S) - 62 * 24


def test_workers_add_at_the_same_time(opened: Open) -> None:
    ledgers = [opened() for _ in range(3)]
    ledgers[0].read(0)

    def add(ledger: SpendLedger) -> None:
        for _ in range(10):
            ledger.add([SpendEntry("", 5, hour(1.0))])

    threads = [threading.Thread(target=add, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledgers[0].read(0)[""][5].forecast_usd == 30.0


def test_any_tenants_name_can_be_kept(opened: Open) -> None:
    ledger = opened()
    ledger.add([SpendEntry("a'b\";--ü", 1, hour(1.0))])
    assert ledger.read(0)["a'b\";--ü"][1].forecast_usd == 1.0


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(BadJournalUrl, match="sqlite:///"):
        SqlSpendLedger("mysql://x")
