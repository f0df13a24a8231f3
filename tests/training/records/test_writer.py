"""Files of outcome records: every format reads back the same, and a failed write leaves the old file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from training.errors import BadHistory
from training.records.history import read
from training.records.outcome_record import OutcomeRecord
from training.records.writer import open_writer

RECORDS = [
    OutcomeRecord(request_id="r1", arm="direct", prompt='A "quoted", comma\nand line end', success=0.5, task="sums"),
    OutcomeRecord(request_id="r2", arm="reasoning", prompt="Caf\u00e9", success=None, extras={"run": 2}),
]


def written(path: Path) -> Path:
    with open_writer(path) as writer:
        for record in RECORDS:
            writer.write(record)
    return path


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_every_format_reads_back_the_same(tmp_path: Path, ending: str) -> None:
    history = read(written(tmp_path / "made" / f"out.{ending}"))
    assert history.counts.quarantined == {}
    assert history.frame["prompt"].tolist() == [record.prompt for record in RECORDS]
    assert history.frame["task"].tolist()[0] == "sums"
    assert history.counts.success_unknown == 1


def test_columns_outside_the_schema_are_json_in_formats_of_fixed_columns(tmp_path: Path) -> None:
    rows = pq.read_table(written(tmp_path / "out.parquet")).to_pylist()
    assert [row["extras"] for row in rows] == [None, '{"run":2}']
    lines = [json.loads(line) for line in written(tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines[1]["run"] == 2
    assert lines[1]["success"] is None


def test_parquet_keeps_the_order_over_several_batches(tmp_path: Path) -> None:
    with open_writer(tmp_path / "out.parquet") as writer:
        for number in range(9000):
            writer.write(OutcomeRecord(request_id=str(number), arm="direct", prompt="Hi", success=1.0))
    table = pq.read_table(tmp_path / "out.parquet", columns=["request_id"])
    assert table["request_id"].to_pylist() == [str(number) for number in range(9000)]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), open_writer(path) as writer:  # noqa: PT012 - fails in the second round
        for part in (1, 0):
            writer.write(replace(RECORDS[0], success=1 / part))
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_other_endings_and_unwritable_paths_name_the_cure(tmp_path: Path) -> None:
    with pytest.raises(BadHistory, match=r"\.jsonl, \.csv, \.parquet"), open_writer(tmp_path / "out.xlsx"):
        pass
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadHistory, match="can be written"), open_writer(tmp_path / "file" / "out.jsonl"):
        pass
