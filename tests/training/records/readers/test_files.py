"""Files of a history and their rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.history_files import quarantined
from training.errors import HistoryMissing, HistoryUnreadable
from training.records.history import read
from training.records.readers.files import find_files, format_of, parquet_rows, read_rows
from training.records.readers.rows import ReadLimits


def test_parquet_times_and_nested_messages(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    frame = pd.DataFrame(
        {"messages": [chat, chat[1:]], "arm": pd.Categorical(["direct", "reasoning"]), "success": [True, False]}
    )
    frame["timestamp"] = pd.to_datetime(pd.Series(["2026-01-02", None]), utc=True)
    frame.to_parquet(tmp_path / "history.parquet")
    history = read(tmp_path / "history.parquet")
    assert history.counts.kept == 2
    assert json.loads(history.frame["messages"].iloc[0]) == chat
    assert history.end == datetime(2026, 1, 2, tzinfo=UTC)
    assert history.frame["success"].tolist() == [1.0, 0.0]


def test_parquet_text_that_is_not_utf8_is_quarantined(tmp_path: Path) -> None:
    raw = pa.array([b"fine", b"caf\xe9"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"prompt": raw, "arm": ["direct"] * 2, "success": [1, 0]}), tmp_path / "history.parquet")
    history = read(tmp_path / "history.parquet", quarantine=tmp_path / "bad.quarantine.jsonl")
    assert history.counts.quarantined == {"not UTF-8": 1}
    assert "caf" in str(quarantined(history)[0]["row"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.JSONL", "jsonl"),
        ("a.ndjson.gz", "jsonl"),
        ("a.pq", "parquet"),
        ("a.parquet.gz", None),
        ("a.csv.gz", "csv"),
        ("a", None),
    ],
)
def test_the_format_is_told_by_the_name(name: str, kind: str | None) -> None:
    assert format_of(Path(name)) == kind


def test_folders_are_searched_without_hidden_and_quarantine_files(tmp_path: Path) -> None:
    for name in ("b.csv", "deep/a.jsonl", ".hidden/c.csv", "deep/.d.csv", "e.quarantine.jsonl", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert find_files(tmp_path) == (tmp_path / "b.csv", tmp_path / "deep" / "a.jsonl")
    assert find_files([str(tmp_path / "*.csv"), tmp_path / "b.csv"]) == (tmp_path / "b.csv",)
    assert find_files(tmp_path / "e.quarantine.jsonl") == (tmp_path / "e.quarantine.jsonl",)


def test_paths_without_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(HistoryUnreadable, match="unknown format"):
        find_files(tmp_path / "notes.txt")
    for nothing in (tmp_path, tmp_path / "none.csv", []):
        with pytest.raises(HistoryMissing):
            find_files(nothing)


def test_jsonl_rows_keep_their_lines_and_only_objects_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n\n[1]\n{"a": NaN, "b": "\\ud800"}\n{"a"\n')
    (batch,) = read_rows(path, ReadLimits())
    assert batch.lines.tolist() == [1, 4]
    assert [(bad.line, bad.kind) for bad in batch.unreadable] == [(3, "not an object"), (5, "not JSON")]
    assert batch.row(1)["b"] == "\ud800"


def test_parquet_row_groups_are_read_apart_with_their_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"prompt": list("abcdefgh"), "other": range(8)}), path, row_group_size=3)
    batches = list(parquet_rows(path, "a", ReadLimits(batch_rows=2), only=["prompt"], groups=[1, 2]))
    assert [row for batch in batches for row in batch.lines.tolist()] == [4, 5, 6, 7, 8]
    assert [batch.row(index)["prompt"] for batch in batches for index in range(len(batch))] == list("defgh")
    assert max(len(batch) for batch in batches) == 2
    assert all(list(batch.names) == ["prompt"] for batch in batches)


def test_parquet_columns_that_occur_twice_are_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(HistoryUnreadable, match="occur twice: a"):
        list(read_rows(tmp_path / "a.parquet", ReadLimits()))
