"""Writes outcome records as files of every format and reads quarantine files."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from serving.decision.types import Arm
from training.records.history import History, read
from training.records.readers.rows import ReadLimits

ARMS = ("direct", Arm("reasoning", "m"))

FORMATS = ("jsonl", "csv", "parquet")

GOOD = {"request_id": "r1", "prompt": "What is 2 + 2?", "arm": "direct", "success": 1.0, "output_tokens": 12.0}


def records(n: int) -> list[dict[str, object]]:
    return [
        {**GOOD, "request_id": f"r{i}", "prompt": f"What is {i // 2} + 2?", "arm": ("direct", "reasoning")[i % 2]}
        for i in range(n)
    ]


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write rows in the format that the name asks for."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    else:
        columns = {name: pa.array([row.get(name) for row in rows]) for name in names}
        pq.write_table(pa.table(columns), path)
    return path


def quarantined(history: History) -> list[dict[str, object]]:
    assert history.quarantine is not None
    return [json.loads(line) for line in history.quarantine.read_text(encoding="utf-8").splitlines()]


def read_one(tmp_path: Path, bad: Mapping[str, object], kind: str, limits: ReadLimits) -> History:
    """Read a valid row and the same row with changes."""
    row = {**GOOD, "request_id": "r2", **bad}
    path = write(tmp_path / f"history.{kind}", [GOOD, row])
    return read(path, arms=ARMS, quarantine=tmp_path / "bad.quarantine.jsonl", limits=limits)
