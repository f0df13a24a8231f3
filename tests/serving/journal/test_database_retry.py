"""Database retry: pauses that double up to five seconds, and the schema upgrade before the first use."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy.exc import OperationalError

from serving.journal.database_retry import DatabaseRetry


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeStore:
    """Counts upgrades, and fails as long as it is down."""

    def __init__(self) -> None:
        self.down = False
        self.upgrades = 0

    def upgrade(self) -> None:
        self.work()
        self.upgrades += 1

    def work(self) -> None:
        if self.down:
            raise OperationalError("select", {}, Exception("gone"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def retry(store: FakeStore, clock: Clock) -> DatabaseRetry:
    return DatabaseRetry(store, clock)  # type: ignore[arg-type]


def test_the_schema_is_upgraded_once_before_the_first_use(retry: DatabaseRetry, store: FakeStore) -> None:
    store.down = True
    assert not retry.run(store.work)
    store.down = False
    assert retry.run(store.work)
    assert retry.run(store.work)
    assert store.upgrades == 1


def test_pauses_double_up_to_five_seconds(retry: DatabaseRetry, store: FakeStore, clock: Clock) -> None:
    store.down = True
    pauses = []
    for _ in range(8):
        assert retry.is_due
        assert not retry.run(store.work)
        start = clock.now
        while not retry.is_due:
            clock.now += 0.01
        pauses.append(round(clock.now - start, 1))
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_success_resets_the_pause(retry: DatabaseRetry, store: FakeStore, clock: Clock) -> None:
    store.down = True
    for _ in range(5):
        retry.run(store.work)
        clock.now += 10
    store.down = False
    assert retry.run(store.work)
    store.down = True
    retry.run(store.work)
    clock.now += 0.11
    assert retry.is_due


def test_an_outage_is_logged_once_at_each_end(
    retry: DatabaseRetry, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "thinkgate.journal")
    store.down = True
    for _ in range(3):
        retry.run(store.work)
    assert not retry.healthy
    store.down = False
    for _ in range(3):
        retry.run(store.work)
    assert retry.healthy
    assert len(caplog.messages) == 2
    assert "OperationalError" in caplog.messages[0]


def test_other_faults_are_not_taken_for_an_outage(retry: DatabaseRetry) -> None:
    def broken() -> None:
        raise ValueError("a bad row")

    with pytest.raises(ValueError, match="a bad row"):
        retry.run(broken)
    assert retry.healthy
    assert retry.is_due
