"""Schema: tables derived from the row types, and migrations that lead to exactly these tables."""

from __future__ import annotations

import logging
import threading
from dataclasses import fields

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from serving.journal.database import open_database
from serving.journal.rows import DecisionRow, OutcomeRow
from serving.journal.schema import decisions, metadata, outcomes, upgrade
from serving.journal.store import Store
from tests.support.journal_rows import decision


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
