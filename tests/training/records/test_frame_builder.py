"""The frame built from batches: types, unknown columns and fingerprints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.history_files import FORMATS, records, write
from training.records.history import read
from training.records.readers.rows import ReadLimits


@pytest.mark.parametrize("kind", FORMATS)
def test_unknown_columns_are_carried_along(tmp_path: Path, kind: str) -> None:
    rows = [{**row, "difficulty": "easy", "depth": i} for i, row in enumerate(records(4))]
    rows[1] = {**rows[1], "success": 9.0}
    frame = read(write(tmp_path / f"history.{kind}", rows), limits=ReadLimits(batch_rows=2)).frame
    assert frame["difficulty"].tolist() == ["easy"] * 3
    assert [int(value) for value in frame["depth"]] == [0, 2, 3]
    assert "depth" not in read(tmp_path / f"history.{kind}", carry=False).frame


def test_unknown_columns_of_clashing_types_become_numbers_or_text(tmp_path: Path) -> None:
    extras: list[object] = [1, 2.5, None, None]
    mixed: list[object] = ["a", {"b": [1]}, 3, None]
    rows = [{**row, "n": n, "m": m} for row, n, m in zip(records(4), extras, mixed, strict=True)]
    frame = read(write(tmp_path / "history.jsonl", rows), limits=ReadLimits(batch_rows=1)).frame
    assert frame["n"].fillna(-1).tolist() == [1.0, 2.5, -1.0, -1.0]
    assert frame["m"].fillna("").tolist() == ["a", '{"b": [1]}', "3", ""]
