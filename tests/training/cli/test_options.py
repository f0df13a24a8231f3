"""Parsers of shared options."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.decision.errors import BadInput
from tests.support.history_files import records, write
from training.cli.options import parse_seconds, parse_span, require_records
from training.errors import HistoryMissing, HistoryUnreadable


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0.0), ("45", 45.0), ("90s", 90.0), ("2h", 7200.0), ("7d", 604800.0)]
)
def test_durations_have_units(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "often", "-5m", "1.5h", "h", "3w"])
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(BadInput, match="write 90s, 30m, 24h or 7d"):
        parse_seconds(text)


def test_a_span_can_be_all() -> None:
    assert parse_span("all") is None
    assert parse_span("12h") == 43_200.0


def test_paths_without_records_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "h.jsonl", records(2))
    require_records([str(path)])
    with pytest.raises(HistoryMissing, match=r"nowhere\.parquet: no such file, folder or glob of"):
        require_records([str(path), "nowhere.parquet"])
    (tmp_path / "notes.txt").touch()
    with pytest.raises(HistoryUnreadable, match="unknown format"):
        require_records([str(tmp_path / "notes.txt")])
