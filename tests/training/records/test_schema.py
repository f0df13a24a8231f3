"""Parsers and range checks of cells."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.history_files import FORMATS, GOOD, write
from training.records.history import read


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("written", "value"), [("1", 1.0), (" 0.5 ", 0.5), (True, 1.0), ("False", 0.0), (None, None), ("null", None)]
)
def test_success_may_be_text_truth_or_unknown(tmp_path: Path, kind: str, written: object, value: float | None) -> None:
    row = {**GOOD, "success": written}
    history = read(write(tmp_path / f"history.{kind}", [row]))
    assert history.counts.quarantined == {}
    assert history.counts.success_unknown == (value is None)
    found = history.frame["success"].iloc[0]
    assert math.isnan(found) if value is None else found == value


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "2026-01-02T05:04:05+02:00", 1767323045, "1767323045",
        1767323045000, 1767323045000000, 1767323045000000000,
    ],
)  # fmt: skip
def test_times_may_be_iso_or_epoch(tmp_path: Path, written: object) -> None:
    history = read(write(tmp_path / "history.jsonl", [{**GOOD, "timestamp": written}]))
    assert history.start == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
