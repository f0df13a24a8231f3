"""Spend ledger: hourly spend per budget pool, shared by all workers and kept over restarts."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import BigInteger, Column, Float, MetaData, String, Table, delete, select
from sqlalchemy.schema import CreateTable

from serving.control.demand_forecast import GRID, SpendHour
from serving.decision.policy import HOUR_S
from serving.journal import insert_into, open_database, storable

_KEPT_DAYS = 62


@dataclass(frozen=True, slots=True)
class SpendEntry:
    """What to add to one hour of one pool.

    Parameters
    ----------
    hour
        Since the epoch.
    """

    pool: str
    hour: int
    added: SpendHour


class SpendLedger(Protocol):
    """Adds up entries, whoever makes them."""

    def add(self, entries: Sequence[SpendEntry]) -> None:
        """Add all of them, or none and raise."""
        ...

    def read(self, since_hour: int) -> Mapping[str, Mapping[int, SpendHour]]:
        """Give the sums by pool and hour, from an hour on."""
        ...

    def forget(self, before_hour: int) -> None:
        """Drop older hours."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class MemorySpendLedger:
    """A ledger of one process that ends with it."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[int, SpendHour]] = defaultdict(dict)
        self._lock = threading.Lock()

    def add(self, entries: Sequence[SpendEntry]) -> None:
        """Add all of them."""
        with self._lock:
            for entry in entries:
                hours = self._sums[entry.pool]
                known = hours.get(entry.hour)
                hours[entry.hour] = entry.added if known is None else add_hours(known, entry.added)

    def read(self, since_hour: int) -> Mapping[str, Mapping[int, SpendHour]]:
        """Give the sums from an hour on."""
        with self._lock:
            return {
                pool: {hour: sums for hour, sums in hours.items() if hour >= since_hour}
                for pool, hours in self._sums.items()
            }

    def forget(self, before_hour: int) -> None:
        """Drop older hours."""
        with self._lock:
            for hours in self._sums.values():
                for hour in [hour for hour in hours if hour < before_hour]:
                    del hours[hour]

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


_DEMAND = tuple(f"demand_{place}" for place in range(len(GRID)))
_FIGURES = ("forecast_usd", "reported_forecast_usd", "reported_usd", "reported", *_DEMAND)
_tables = MetaData()
_spend = Table(
    "thinkgate_spend",
    _tables,
    Column("purse", String, primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    *(Column(name, Float, nullable=False) for name in _FIGURES),
)


class SqlSpendLedger:
    """A ledger in a database that all workers (and, with PostgreSQL, all machines) share.

    Parameters
    ----------
    url
        `sqlite:///path.db` or `postgresql://user:password@host/database`; may be the journal's own.

    Raises
    ------
    BadJournalUrl
        Neither of the two.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)
        self._there = False

    def add(self, entries: Sequence[SpendEntry]) -> None:
        """Add all of them in one transaction.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            Nothing was added.
        """
        self._make()
        insert = insert_into(self._engine, _spend)
        statement = insert.on_conflict_do_update(
            index_elements=["purse", "hour"],
            set_={name: _spend.c[name] + insert.excluded[name] for name in _FIGURES},
        )
        with self._engine.begin() as connection:
            connection.execute(statement, [_columns(entry) for entry in entries])

    def read(self, since_hour: int) -> Mapping[str, Mapping[int, SpendHour]]:
        """Give the sums from an hour on."""
        self._make()
        found: dict[str, dict[int, SpendHour]] = defaultdict(dict)
        with self._engine.connect() as connection:
            for row in connection.execute(select(_spend).where(_spend.c.hour >= since_hour)):
                found[row.purse][row.hour] = SpendHour(row[2], row[3], row[4], row[5], tuple(row[6:]))
        return found

    def forget(self, before_hour: int) -> None:
        """Drop older hours."""
        self._make()
        with self._engine.begin() as connection:
            connection.execute(delete(_spend).where(_spend.c.hour < before_hour))

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _make(self) -> None:
        if not self._there:
            with self._engine.begin() as connection:
                connection.execute(CreateTable(_spend, if_not_exists=True))
            self._there = True


def add_hours(one: SpendHour, other: SpendHour) -> SpendHour:
    """Add up two accounts of an hour."""
    return SpendHour(
        one.forecast_usd + other.forecast_usd,
        one.reported_forecast_usd + other.reported_forecast_usd,
        one.reported_usd + other.reported_usd,
        one.reported + other.reported,
        tuple(a + b for a, b in zip(one.demand, other.demand, strict=True)),
    )


def oldest_kept(now: float) -> int:
    """Give the hour before which nothing is needed any more."""
    return int(now // HOUR_S) - _KEPT_DAYS * 24


def _columns(entry: SpendEntry) -> dict[str, object]:
    added = entry.added
    figures = (added.forecast_usd, added.reported_forecast_usd, added.reported_usd, added.reported, *added.demand)
    return {"purse": storable(entry.pool), "hour": entry.hour, **dict(zip(_FIGURES, figures, strict=True))}
