"""Tables of the journal, derived from its row types; `migrations/` brings a database to this schema.

To change the schema, change the row type in `rows.py` and add a migration: a test compares the two.
"""

from __future__ import annotations

import logging
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import BigInteger, Column, Connection, Double, Engine, Index, MetaData, String, Table, Text, text

from serving.journal.policy_snapshot import PolicySnapshotRow
from serving.journal.rows import DecisionRow, OutcomeRow

_log = logging.getLogger("thinkgate.journal")
_MIGRATION_LOCK: Final = 7_461_203
_SQL_TYPES: Final[dict[type, type[Any]]] = {float: Double, int: BigInteger, str: Text}


def _columns(row: type, *overrides: Column[Any]) -> list[Column[Any]]:
    """List a row type's columns: nullable where the field may be None, `overrides` in place of the derived ones."""
    given = {column.name: column for column in overrides}
    hints = get_type_hints(row)
    return [given.get(field.name, _column(field.name, hints[field.name])) for field in fields(row)]


def _column(name: str, hint: Any) -> Column[Any]:
    options = get_args(hint) or (hint,)
    (kind,) = (option for option in options if option is not NoneType)
    return Column(name, _SQL_TYPES[kind], nullable=NoneType in options)


metadata = MetaData()

decisions = Table(
    "decisions",
    metadata,
    *_columns(
        DecisionRow,
        Column("decision_id", String(64), primary_key=True),
        Column("prompt_id", String(64), nullable=False),
        Column("reason", Text),
    ),
    Index("decisions_decided_at", "decided_at"),
    Index("decisions_tenant", "tenant"),
    Index("decisions_session", "session_id"),
)

outcomes = Table(
    "outcomes",
    metadata,
    *_columns(OutcomeRow, Column("decision_id", String(64), primary_key=True)),
    Column("digest", String(32), primary_key=True),
    Index("outcomes_reported_at", "reported_at"),
)

policy_snapshots = Table(
    "terms", metadata, *_columns(PolicySnapshotRow, Column("version", String(255), primary_key=True))
)


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision; safe when several processes start at once."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection:
        _lock(connection)
        config.attributes["connection"] = connection
        before = MigrationContext.configure(connection).get_current_revision()
        command.upgrade(config, "head")
        after = MigrationContext.configure(connection).get_current_revision()
        connection.commit()
    if after != before:
        _log.info("journal: tables at revision %s, before: %s", after, before or "none")


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    else:
        connection.exec_driver_sql("begin immediate")
