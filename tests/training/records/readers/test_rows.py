"""Batches of raw rows: dicts and Arrow batches give the same cells."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.records.history import read
from training.records.readers.rows import ArrowRows, DictRows, Rows, objects

CELLS = [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, {"a": 3, "b": None}]


@pytest.mark.parametrize(
    "rows", [DictRows(CELLS, [5, 6, 7], []), ArrowRows(pa.RecordBatch.from_pylist(CELLS), 5)], ids=["dict", "arrow"]
)
def test_both_kinds_of_batches_give_the_same(rows: Rows) -> None:
    assert len(rows) == 3
    assert rows.lines.tolist() == [5, 6, 7]
    assert list(rows.names) == ["a", "b"]
    column = rows.column("a")
    assert column is not None
    assert list(objects(column)) == [1, None, 3]
    assert rows.column("none") is None
    assert dict(rows.row(2)) == {"a": 3, "b": None}


def test_columns_that_only_some_rows_have_are_missing_in_the_others() -> None:
    rows = DictRows([{"a": 1}, {"b": 2}], [1, 2], [])
    assert list(rows.names) == ["a", "b"]
    assert rows.column("b") == [None, 2]


def test_equal_cells_of_a_dictionary_column_are_one_object() -> None:
    column = pa.array(["x" * 100, None, "x" * 100]).dictionary_encode()
    first, missing, again = objects(column)
    assert first is again
    assert missing is None


def test_cells_that_python_cannot_hold_come_as_bytes_or_text() -> None:
    text = pa.array([b"fine", b"caf\xe9", None], pa.binary()).view(pa.string())
    assert list(objects(text)) == ["fine", b"caf\xe9", None]
    times = pa.array([2**62, None, 0], pa.timestamp("s"))
    assert list(objects(times)) == ["<value out of range: 4611686018427387904>", None, "1970-01-01 00:00:00"]
    nested = pa.array([{"at": 2**62}, None], pa.struct([("at", pa.timestamp("s"))]))
    shown, missing = objects(nested)
    assert "4611686018427387904" in str(shown)
    assert missing is None


def test_a_rejected_row_with_such_a_cell_goes_to_quarantine(tmp_path: Path) -> None:
    times = pa.array([2**62], pa.timestamp("us"))
    table = pa.table({"prompt": ["Hi"], "arm": ["direct"], "success": [7.0], "seen": times})
    pq.write_table(table, tmp_path / "history.parquet")
    assert read(tmp_path / "history.parquet").counts.quarantined == {"success out of range": 1}
