"""Validation of rows and cells: what is accepted, and what is quarantined."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.support.history_files import ARMS, FORMATS, GOOD, quarantined, read_one, records, write
from training.records.history import read
from training.records.readers.rows import ReadLimits


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"success": 7.0}, "success out of range"),
        ({"success": -0.1}, "success out of range"),
        ({"success": math.nan}, "success is NaN"),
        ({"output_tokens": -3.0}, "negative output_tokens"),
        ({"output_tokens": math.nan}, "output_tokens is NaN"),
        ({"output_tokens": math.inf}, "output_tokens is not finite"),
        ({"propensity": 0.0}, "propensity out of range"),
        ({"timestamp": "yesterday"}, "timestamp not readable"),
        ({"timestamp": -5.0}, "timestamp out of range"),
        ({"arm": "magic"}, "unknown arm"),
        ({"arm": None}, "no arm"),
        ({"prompt": ""}, "empty prompt"),
        ({"prompt": None}, "empty prompt"),
        ({"prompt": " \n\t"}, "empty prompt"),
        ({"prompt": "x" * 2001}, "prompt too long"),
        ({"request_id": "r1"}, "duplicate request_id"),
        ({"messages": "[{]"}, "messages not readable"),
        ({"messages": '[{"role": "wizard", "content": "x"}]'}, "messages not readable"),
    ],
)
def test_a_bad_row_goes_to_quarantine(tmp_path: Path, kind: str, bad: dict[str, object], reason: str) -> None:
    history = read_one(tmp_path, bad, kind, ReadLimits(max_prompt_chars=2000))
    assert history.counts.quarantined == {reason: 1}
    assert (history.counts.read, history.counts.kept) == (2, 1)
    assert history.frame["request_id"].tolist() == ["r1"]
    (entry,) = quarantined(history)
    assert entry["kind"] == reason
    assert entry["line"] == {"jsonl": 2, "csv": 3, "parquet": 2}[kind]
    assert str(entry["source"]).endswith(f"history.{kind}")
    row = entry["row"]
    assert isinstance(row, dict)
    changed = {name: value for name, value in bad.items() if value not in (None, "")}
    assert {name: str(row[name]) for name in changed} == {name: str(value) for name, value in changed.items()}


def test_a_row_with_many_faults_counts_once_under_the_first(tmp_path: Path) -> None:
    rows = [{**GOOD, "request_id": f"r{i}", "success": 7, "output_tokens": -1, "arm": "magic"} for i in range(50)]
    history = read(write(tmp_path / "history.jsonl", rows), arms=ARMS)
    assert history.counts.quarantined == {"success out of range": 50}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"prompt": "cut of', "not JSON"),
        (b"[1, 2]", "not an object"),
        (b"7", "not an object"),
        (b'{"prompt": "caf\xe9", "arm": "direct", "success": 1}', "not UTF-8"),
        (b'{"prompt": 7, "arm": "direct", "success": 1}', "prompt is not text"),
        (b'{"prompt": "x", "arm": ["direct"], "success": 1}', "arm is not text"),
        (b'{"prompt": "x", "arm": "direct", "success": "well"}', "success not a number"),
        (b'{"prompt": "x", "arm": "direct", "success": [1]}', "success not a number"),
        (b'{"prompt": "x", "arm": "direct", "success": 1, "output_tokens": true}', "output_tokens not a number"),
        (b'{"prompt": "x", "arm": "direct", "success": 1e999}', "success is not finite"),
        (b'{"prompt": "x", "arm": "direct", "success": ' + b"9" * 400 + b"}", "success is not finite"),
        (b'{"a":' * 100_000, "not JSON"),
        (b'{"prompt": "' + b"x" * 20_000_000 + b'", "arm": "direct", "success": 1}', "prompt too long"),
    ],
)
def test_a_bad_line_of_jsonl_is_kept_as_found(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b"\n\n" + line + b"\n")
    history = read(path, quarantine=tmp_path / "bad.quarantine.jsonl")
    assert history.counts.quarantined == {reason: 1}
    assert (history.counts.read, history.counts.kept) == (2, 1)
    (entry,) = quarantined(history)
    assert entry["line"] == 3
    assert len(json.dumps(entry["row"])) >= min(len(line), 400) - 2


def test_request_ids_are_unique_across_files(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", [{**GOOD, "success": 9}, GOOD])
    second = write(tmp_path / "b.csv", [GOOD, {**GOOD, "request_id": "r9"}])
    history = read([first, second])
    assert history.counts.duplicates == 1
    assert [(Path(bad.source).name, bad.line) for bad in history.examples] == [("a.jsonl", 1), ("b.csv", 2)]
    assert history.frame["request_id"].tolist() == ["r1", "r9"]


def test_rows_without_an_id_are_numbered_and_counted(tmp_path: Path) -> None:
    rows = [{name: value for name, value in GOOD.items() if name != "request_id"}] * 3
    history = read(write(tmp_path / "history.jsonl", rows))
    assert history.counts.without_request_id == history.counts.kept == 3
    assert history.frame["request_id"].is_unique


def test_columns_without_end_are_left_behind_and_counted(tmp_path: Path) -> None:
    rows = [{**row, f"x{i}": 1} for i, row in enumerate(records(6))]
    history = read(write(tmp_path / "history.jsonl", rows), limits=ReadLimits(max_extra_columns=4))
    assert history.counts.kept == 6
    assert history.counts.warnings == {"unknown columns of a batch left behind": 2}


def test_odd_rows_are_kept_and_counted(tmp_path: Path) -> None:
    odd = {"reasoning_tokens": 50, "failure_mode": "rude", "prompt_id": "p"}
    rows = [{**row, **odd, "prompt": f"Prompt {i}"} for i, row in enumerate(records(2))]
    history = read(write(tmp_path / "history.jsonl", rows))
    assert history.counts.kept == 2
    assert sorted(history.counts.warnings.values()) == [1, 2, 2]
