"""How the commands report which rows were used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.history_files import GOOD, records, write
from training.cli.console import report_rows
from training.records.history import read


def test_used_and_quarantined_rows_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "h.jsonl", [*records(4), {**GOOD, "request_id": "bad", "success": 7}])
    aside = tmp_path / "q.quarantine.jsonl"
    report_rows(read(path, quarantine=aside))
    said = capsys.readouterr().out
    assert "4 of 5 rows used, 2 prompts" in said
    assert "quarantined: 1 x success out of range" in said
    assert str(aside) in said.replace("\n", "")


def test_without_bad_rows_no_quarantine_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report_rows(read(write(tmp_path / "h.jsonl", records(4)), quarantine=tmp_path / "q.quarantine.jsonl"))
    assert "quarantine" not in capsys.readouterr().out
