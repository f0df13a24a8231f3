"""Waits for what another process or thread does."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any


def wait_until(
    condition: Callable[[], object],
    seconds: float = 30.0,
    message: str = "it did not come about",
    pause_seconds: float = 0.02,
) -> None:
    """Ask again and again until the condition holds; fail with `message` after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, message
        time.sleep(pause_seconds)


def wait_for_outcome(journal: Path, decision_id: str) -> dict[str, Any]:
    """Wait until a SQLite journal holds an outcome of a decision, and give the fields that are known."""
    found: list[sqlite3.Row] = []

    def look() -> bool:
        # A journal that is not there yet has no tables.
        with closing(sqlite3.connect(journal)) as store, suppress(sqlite3.OperationalError):
            store.row_factory = sqlite3.Row
            found[:] = store.execute("SELECT * FROM outcomes WHERE decision_id = ?", (decision_id,)).fetchall()
        return bool(found)

    wait_until(look, message="no outcome was reported")
    row = found[0]
    return {name: row[name] for name in row.keys() if row[name] is not None}  # noqa: SIM118
