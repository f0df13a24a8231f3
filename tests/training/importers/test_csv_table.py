"""Tables imported by a column mapping."""

from __future__ import annotations

from pathlib import Path

from tests.support.importer_rows import (
    calls,
    kinds,
    outcome,
)


def test_csv_by_a_map_of_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,who,ok,secs,prompt\nWhat is 2 + 2?,direct,true,3,old\n,direct,1,3,\n")
    (call, empty) = calls("csv", tmp_path / "a.csv", columns={"prompt": "question", "arm": "who", "success": "ok"})
    assert outcome(call) == {"prompt": "What is 2 + 2?", "arm": "direct", "success": 1.0, "secs": "3"}
    assert kinds([empty]) == ["no prompt"]
