"""The SQL side of the journal: the same contract on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, Select, Table, and_, create_engine, delete, event, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from serving.decision.errors import BadInput
from serving.journal.policy_snapshot import PolicySnapshotRow
from serving.journal.rows import DecisionRow, JournalEntry, OutcomeRow, from_columns, merge_outcomes, to_columns
from serving.journal.schema import decisions, outcomes, terms, upgrade

CHUNK = 2000

_PATIENCE = {"connect_timeout": 3, "tcp_user_timeout": 10_000, "options": "-c statement_timeout=15000"}
"""So that a database that hangs is one that is down."""
_BUSY_SECONDS = 10
"""How long SQLite is waited for while others write."""
_AGAIN_SECONDS = 0.02


class BadJournalUrl(BadInput):
    """The journal's URL can't be used; the message shows the two forms that can."""


class Store:
    """Decisions and outcomes in a database.

    Parameters
    ----------
    url
        `sqlite:///path.db` or `postgresql://user:password@host/database`.

    Raises
    ------
    BadJournalUrl
        Neither of the two.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)
        self._insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert

    def upgrade(self) -> None:
        """Bring the tables to the newest revision."""
        upgrade(self._engine)

    def append(self, decided: Sequence[DecisionRow], reported: Sequence[OutcomeRow]) -> None:
        """Write both in one transaction; rows that are there already stay one row.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            Nothing was written.
        """
        with self._engine.begin() as connection:
            if decided:
                statement = self._insert(decisions).on_conflict_do_nothing()
                connection.execute(statement, [to_columns(row) for row in decided])
            if reported:
                insert = self._insert(outcomes)
                later = insert.excluded.reported_at > outcomes.c.reported_at
                statement = insert.on_conflict_do_update(
                    index_elements=["decision_id", "digest"],
                    set_={"reported_at": insert.excluded.reported_at},
                    where=later,
                )
                connection.execute(statement, [{**to_columns(row), "digest": row.digest} for row in reported])

    def entry(self, decision_id: str) -> JournalEntry | None:
        """Read one decision with its outcome."""
        found = list(self._entries(select(decisions).where(decisions.c.decision_id == decision_id)))
        return found[0] if found else None

    def decisions(self, decision_ids: Sequence[str]) -> list[DecisionRow]:
        """Read those of the decisions that are there, without their texts and replays, in any order."""
        columns = [column for column in decisions.c if column.name not in ("messages", "replay")]
        found: list[DecisionRow] = []
        with self._engine.connect() as connection:
            for start in range(0, len(decision_ids), 500):
                chosen = decisions.c.decision_id.in_(decision_ids[start : start + 500])
                rows = connection.execute(select(*columns).where(chosen))
                found += [from_columns(DecisionRow, row._asdict()) for row in rows]
        return found

    def entries(self, since: float = 0.0, until: float = float("inf")) -> Iterator[JournalEntry]:
        """Read decisions of [since, until) in the order they were made, in chunks; memory stays flat."""
        last = (since, "")
        while True:
            after = or_(
                decisions.c.decided_at > last[0],
                and_(decisions.c.decided_at == last[0], decisions.c.decision_id > last[1]),
            )
            query = select(decisions).where(after)
            if until != float("inf"):
                query = query.where(decisions.c.decided_at < until)
            query = query.order_by(decisions.c.decided_at, decisions.c.decision_id).limit(CHUNK)
            chunk = list(self._entries(query))
            yield from chunk
            if len(chunk) < CHUNK:
                return
            last = (chunk[-1].decision.decided_at, chunk[-1].decision.decision_id)

    def save_policy_snapshot(self, row: PolicySnapshotRow) -> None:
        """Write the terms of a version; those that are there already stay."""
        with self._engine.begin() as connection:
            connection.execute(self._insert(terms).on_conflict_do_nothing(), [asdict(row)])

    def policy_snapshot(self, version: str) -> PolicySnapshotRow | None:
        """Read the terms of a version."""
        with self._engine.connect() as connection:
            found = connection.execute(select(terms).where(terms.c.version == version)).first()
        return None if found is None else PolicySnapshotRow(**found._asdict())

    def count(self) -> tuple[int, int]:
        """Count decisions and decisions with an outcome report."""
        with self._engine.connect() as connection:
            made = connection.execute(select(func.count()).select_from(decisions)).scalar_one()
            known = connection.execute(select(func.count(outcomes.c.decision_id.distinct()))).scalar_one()
        return int(made), int(known)

    def forget(self, *, tenant: str | None = None, session_id: str | None = None, before: float | None = None) -> int:
        """Delete the decisions of a tenant, of a session or older than `before`, with their outcomes.

        Returns
        -------
        Number of decisions deleted.
        """
        wanted = {"tenant": tenant, "session_id": session_id}
        conditions = [decisions.c[name] == value for name, value in wanted.items() if value is not None]
        if before is not None:
            conditions.append(decisions.c.decided_at < before)
        if not conditions:
            raise ValueError("name a tenant, a session or an age")
        chosen = select(decisions.c.decision_id).where(*conditions)
        with self._engine.begin() as connection:
            connection.execute(delete(outcomes).where(outcomes.c.decision_id.in_(chosen)))
            if before is not None and tenant is None and session_id is None:
                known = select(decisions.c.decision_id)
                orphan = outcomes.c.decision_id.not_in(known) & (outcomes.c.reported_at < before)
                connection.execute(delete(outcomes).where(orphan))
            return int(connection.execute(delete(decisions).where(*conditions)).rowcount)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _entries(self, query: Select[Any]) -> Iterator[JournalEntry]:
        with self._engine.connect() as connection:
            rows = [from_columns(DecisionRow, row._asdict()) for row in connection.execute(query)]
            ids = [row.decision_id for row in rows]
            reports: dict[str, OutcomeRow] = {}
            for start in range(0, len(ids), 500):
                asked = _reports(outcomes, ids[start : start + 500])
                found = (from_columns(OutcomeRow, row._asdict()) for row in connection.execute(asked))
                for decision_id, group in groupby(found, key=lambda row: str(row.decision_id)):
                    reports[decision_id] = merge_outcomes(group)
        for row in rows:
            yield JournalEntry(row, reports.get(row.decision_id))


def _reports(table: Table, ids: Sequence[str]) -> Select[Any]:
    return select(table).where(table.c.decision_id.in_(ids)).order_by(table.c.decision_id)


def open_database(url: str) -> Engine:
    """Open an SQLite or PostgreSQL database by its URL.

    Raises
    ------
    BadJournalUrl
        Neither of the two.
    """
    if url.startswith("postgres://"):
        url = "postgresql" + url.removeprefix("postgres")
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg" + url.removeprefix("postgresql")
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise BadJournalUrl("journal URL: write sqlite:///path/to/journal.db or postgresql://user@host/database")
    try:
        if url.startswith("sqlite"):
            engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
            event.listen(engine, "connect", _pragmas)
            return engine
        return create_engine(url, pool_pre_ping=True, pool_size=4, connect_args=_PATIENCE)
    except ArgumentError as error:
        raise BadJournalUrl("journal URL: write sqlite:///path/to/journal.db or postgresql://user@host/db") from error


def _pragmas(connection: Any, _record: object) -> None:
    """Durable to the last acknowledged row, and readers never wait for the writer."""
    connection.execute(f"pragma busy_timeout={_BUSY_SECONDS * 1000}")
    _to_wal(connection)
    connection.execute("pragma synchronous=FULL")


def _to_wal(connection: Any) -> None:
    """Switch a fresh file to WAL: SQLite's own patience does not hold for that when several processes start at once."""
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(_AGAIN_SECONDS)
