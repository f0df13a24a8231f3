"""Schema: tables derived from the row types, and migrations that lead to exactly these tables."""

from __future__ import annotations

import logging
import threading
from dataclasses import fields
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Column, MetaData, Table, insert, inspect

from serving.journal import schema
from serving.journal.database import open_database
from serving.journal.rows import DecisionRow, JournalEntry, OutcomeRow, to_columns
from serving.journal.schema import decisions, metadata, outcomes, upgrade
from serving.journal.store import Store
from tests.support.journal_rows import decision

NEWER_OF_DECISIONS = frozenset(
    {"applied_model", "applied_effort", "applied_arm", "applied_propensity", "not_applied", "propensities"}
)
NEWER_OF_OUTCOMES = frozenset({"source", "applied_effort", "applied_model"})
"""Columns that revision 0003 added."""


def test_columns_follow_the_row_types() -> None:
    assert [column.name for column in decisions.c] == [field.name for field in fields(DecisionRow)]
    assert {column.name for column in outcomes.c} == {field.name for field in fields(OutcomeRow)} | {"digest"}
    assert [column.name for column in outcomes.primary_key] == ["decision_id", "digest"]
    assert not decisions.c.elapsed_us.nullable
    assert decisions.c.replay.nullable


def test_migrations_lead_to_the_declared_tables(url: str) -> None:
    engine = open_database(url)
    upgrade(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_an_upgrade_keeps_rows_and_does_nothing_twice(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.append([decision("a")], [])
    caplog.set_level(logging.INFO, "thinkgate.journal")
    store.upgrade()
    assert caplog.messages == []
    assert store.count() == (1, 0)


def test_every_lookup_column_has_its_index(url: str) -> None:
    engine = open_database(url)
    upgrade(engine)
    indexed = {tuple(index["column_names"]) for index in inspect(engine).get_indexes("decisions")}
    assert {("decided_at",), ("tenant",), ("session_id",)} <= indexed
    engine.dispose()


def test_many_processes_may_migrate_at_once(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "thinkgate.journal")
    stores = [Store(url) for _ in range(4)]
    failures: list[BaseException] = []

    def upgrade(store: Store) -> None:
        try:
            store.upgrade()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=upgrade, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [message.rpartition("before: ")[2] for message in caplog.messages] == ["none"]  # one did it, and said so
    stores[0].append([decision("a")], [])
    for store in stores:
        store.close()


def test_a_server_of_an_earlier_version_can_still_write(url: str) -> None:
    """While servers are replaced one by one, the old ones write rows without the newer columns."""
    store = Store(url)
    store.upgrade()
    engine = open_database(url)
    old = {name: value for name, value in to_columns(decision("old")).items() if name not in NEWER_OF_DECISIONS}
    report = OutcomeRow("old", 1.0, success=1.0)
    reported = {name: value for name, value in to_columns(report).items() if name not in NEWER_OF_OUTCOMES}
    with engine.begin() as connection:
        connection.execute(insert(Table("decisions", MetaData(), *(Column(name) for name in old))), [old])
        row = {**reported, "digest": report.digest}
        connection.execute(insert(Table("outcomes", MetaData(), *(Column(name) for name in row))), [row])
    engine.dispose()
    store.append([], [report])  # the same report, from a newer server: still one row
    assert store.entry("old") == JournalEntry(decision("old"), report)
    store.close()


def test_the_newer_columns_come_to_a_journal_that_has_rows(url: str) -> None:
    engine = open_database(url)
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        old = {name: value for name, value in to_columns(decision("old")).items() if name not in NEWER_OF_DECISIONS}
        connection.execute(insert(Table("decisions", MetaData(), *(Column(name) for name in old))), [old])
    engine.dispose()
    store = Store(url)
    store.upgrade()
    store.append([decision("new", applied_model="gpt-5.1", applied_effort="none", applied_arm="direct")], [])
    assert [entry.decision.served_arm for entry in store.entries()] == ["direct", "direct"]
    assert store.entry("old") == JournalEntry(decision("old"), None)
    store.close()
