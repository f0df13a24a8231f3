"""Both kinds of database that a journal takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.journal import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    store.upgrade()
    yield store
    store.close()
