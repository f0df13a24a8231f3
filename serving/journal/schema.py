"""The journal's tables; `migrations/` brings a store to this shape."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import BigInteger, Column, Connection, Double, Engine, Index, MetaData, String, Table, Text, text

_log = logging.getLogger("thinkgate.journal")

metadata = MetaData()

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", String(64), primary_key=True),
    Column("decided_at", Double, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("arm", "model", "effort", "bucket", "policy", "bundle_id")),
    *(
        Column(name, Double, nullable=False)
        for name in (
            "propensity",
            "support",
            "expected_success",
            "expected_cost_usd",
            "expected_output_tokens",
            "expected_latency_p95_ms",
        )
    ),
    Column("elapsed_us", BigInteger, nullable=False),
    Column("prompt_id", String(64), nullable=False),
    *(Column(name, Text) for name in ("messages", "fallback", "tenant", "session_id", "task", "reason", "replay")),
    Column("shadow_bundle_id", Text),
    Column("shadow_arm", Text),
    Index("decisions_decided_at", "decided_at"),
    Index("decisions_tenant", "tenant"),
    Index("decisions_session", "session_id"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("decision_id", String(64), primary_key=True),
    Column("digest", String(32), primary_key=True),
    Column("reported_at", Double, nullable=False),
    *(Column(name, Double) for name in ("success", "cost_usd", "gpu_seconds", "latency_ms")),
    *(
        Column(name, BigInteger)
        for name in ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "retries")
    ),
    *(Column(name, Text) for name in ("failure_mode", "arm", "model")),
    Index("outcomes_reported_at", "reported_at"),
)

terms = Table(
    "terms",
    metadata,
    Column("version", String(255), primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("arms", "policy", "prices")),
)

_MIGRATION_LOCK = 7_461_203


def upgrade(engine: Engine) -> None:
    """Bring the store to the newest revision; safe when several processes start at once."""
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
