"""Opens SQLite and PostgreSQL databases with the same guarantees, and builds their dialect's INSERT.

Durable to the last acknowledged row on both; a database that hangs is treated like one that is down.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any, Final

from sqlalchemy import Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from serving.decision import BadInput

_PG_TIMEOUTS: Final = {"connect_timeout": 3, "tcp_user_timeout": 10_000, "options": "-c statement_timeout=15000"}
_BUSY_SECONDS: Final = 10
"""How long to wait for SQLite's lock while another connection writes."""
_RETRY_SECONDS: Final = 0.02


class BadJournalUrl(BadInput):
    """The journal's URL can't be used; the message shows the two forms that can."""


def open_database(url: str) -> Engine:
    """Open an SQLite or PostgreSQL database by its URL; the database need not be up.

    Raises
    ------
    BadJournalUrl
        The URL is of another kind.
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
            event.listen(engine, "connect", _set_pragmas)
            return engine
        return create_engine(url, pool_pre_ping=True, pool_size=4, connect_args=_PG_TIMEOUTS)
    except (ArgumentError, ValueError) as error:  # ValueError: the port is no number
        raise BadJournalUrl("journal URL: write sqlite:///path/to/journal.db or postgresql://user@host/db") from error


def insert_into(engine: Engine, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Build the INSERT of the engine's dialect, which offers `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if engine.dialect.name == "postgresql" else sqlite.insert(table)


def _set_pragmas(connection: Any, _record: object) -> None:
    """Make commits durable, and let readers go on while another connection writes."""
    connection.execute(f"pragma busy_timeout={_BUSY_SECONDS * 1000}")
    _switch_to_wal(connection)
    connection.execute("pragma synchronous=FULL")


def _switch_to_wal(connection: Any) -> None:
    """Switch a new file to WAL; SQLite's busy timeout does not cover this when several processes start at once."""
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(_RETRY_SECONDS)
