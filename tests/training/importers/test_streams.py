"""Rows streamed from files of other tools: JSON lines, arrays, documents, CSV and Parquet."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from training.errors import HistoryMissing, HistoryUnreadable
from training.importers.base import RefusedRow
from training.importers.streams import SourceRow, files_of, rows_of

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": "z"}]


def found(path: Path, *pages: str) -> list[Any]:
    return [row.row if isinstance(row, SourceRow) else row.kind for row in rows_of(path, pages)]


def test_lines_arrays_and_documents_give_the_same_rows(tmp_path: Path) -> None:
    files = {
        "a.jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
        "b.json": json.dumps(ROWS),
        "c.json": json.dumps(ROWS, indent=2),
        "d.json": json.dumps({"meta": {"page": 1}, "data": ROWS}, indent=2),
        "e.json": json.dumps({"meta": {"page": 1}, "data": ROWS}),
        "f.jsonl": "".join(json.dumps({"data": [row]}) + "\n" for row in ROWS),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        assert found(tmp_path / name, "data") == ROWS, name
    (tmp_path / "g.json.gz").write_bytes(gzip.compress(files["c.json"].encode()))
    assert found(tmp_path / "g.json.gz") == ROWS


def test_tables_give_the_same_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "b.csv", index=False)
    assert found(tmp_path / "a.parquet") == ROWS
    assert found(tmp_path / "b.csv") == [{**row, "a": str(row["a"])} for row in ROWS]


def test_rows_name_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n\n{"a": 2}\n')
    (tmp_path / "b.json").write_text(json.dumps(ROWS))
    assert [(Path(row.source).name, row.line) for row in rows_of(tmp_path)] == [
        ("a.jsonl", 1), ("a.jsonl", 3), ("b.json", 1), ("b.json", 2), ("b.json", 3),
    ]  # fmt: skip


def test_what_is_no_object_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n[1]\n{"a"\n{"a": 2}\n')
    assert sorted(map(str, found(tmp_path / "a.jsonl"))) == ["not JSON", "not an object", "{'a': 1}", "{'a': 2}"]
    (tmp_path / "b.json").write_text('[{"a": 1}, 7, {"a": 2}]')
    assert found(tmp_path / "b.json") == [{"a": 1}, "not an object", {"a": 2}]


def test_a_document_that_is_cut_off_says_after_how_many_rows(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(ROWS)[:-8])
    *rows, cut = rows_of(tmp_path / "a.json")
    assert len(rows) == 2
    assert isinstance(cut, RefusedRow)
    assert (cut.kind, cut.line) == ("not JSON", 3)
    assert "after 2 rows" in cut.reason


@pytest.mark.parametrize(
    ("name", "error", "cure"),
    [
        ("none.csv", HistoryMissing, "no such file"),
        ("a.pkl", HistoryUnreadable, r"read_pickle\('a.pkl'\).to_parquet\('a.parquet'\)"),
        ("a.xlsx", HistoryUnreadable, "unknown format"),
        ("folder", HistoryMissing, "in this folder"),
    ],
)
def test_paths_that_cannot_be_read_name_the_cure(tmp_path: Path, name: str, error: type[Exception], cure: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("x")
    for made in ("a.pkl", "a.xlsx"):
        (tmp_path / made).write_text("x")
    with pytest.raises(error, match=cure):
        files_of(tmp_path / name)
