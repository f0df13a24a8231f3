"""Opening a database: two kinds of URL, durable commits, and an upsert that both dialects understand."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, select, text
from sqlalchemy.exc import OperationalError

from serving.journal.database import BadJournalUrl, insert_into, open_database

TABLE = Table("counts", MetaData(), Column("name", String(8), primary_key=True), Column("n", Integer, nullable=False))


@pytest.mark.parametrize("url", ["mysql://x", "journal.db", "sqlite://", "", "postgresql://u@h:bad/d"])
def test_a_bad_url_names_the_good_ones(url: str) -> None:
    with pytest.raises(BadJournalUrl, match="sqlite:///"):
        open_database(url)


@pytest.mark.parametrize("url", ["postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"])
def test_every_spelling_of_postgresql_opens_without_a_server(url: str) -> None:
    engine = open_database(url)
    assert engine.url.render_as_string() == "postgresql+psycopg://u@h/d"


def test_a_server_that_is_down_fails_at_the_first_connection() -> None:
    engine = open_database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(OperationalError):
        engine.connect()


def test_sqlite_commits_are_durable_and_readers_do_not_block(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'j.db'}")
    with engine.connect() as connection:
        assert connection.execute(text("pragma journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("pragma synchronous")).scalar_one() == 2  # FULL
    engine.dispose()


def test_many_connections_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def connect() -> None:
        engine = open_database(f"sqlite:///{tmp_path / 'new.db'}")
        try:
            engine.connect().close()
        except BaseException as error:
            failures.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=connect) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_insert_ignores_or_merges_duplicates_in_both_dialects(url: str) -> None:
    engine = open_database(url)
    insert = insert_into(engine, TABLE)
    with engine.begin() as connection:
        TABLE.create(connection)
        connection.execute(insert, [{"name": "a", "n": 1}])
        connection.execute(insert.on_conflict_do_nothing(), [{"name": "a", "n": 5}, {"name": "b", "n": 2}])
        added = insert.on_conflict_do_update(index_elements=["name"], set_={"n": TABLE.c.n + insert.excluded.n})
        connection.execute(added, [{"name": "b", "n": 10}])
        assert dict(connection.execute(select(TABLE)).tuples().all()) == {"a": 1, "b": 12}
        TABLE.drop(connection)
    engine.dispose()
