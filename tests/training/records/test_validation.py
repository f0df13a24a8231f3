"""The record reader, row by row and cell by cell: what is taken as it is meant, and what goes to quarantine."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
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


def test_a_line_over_the_byte_limit_is_cut(tmp_path: Path) -> None:
    for kind, head in (("jsonl", b""), ("csv", b"prompt,arm,success\n")):
        path = tmp_path / f"history.{kind}"
        good = b'{"prompt": "x", "arm": "direct", "success": 1}\n' if kind == "jsonl" else b"x,direct,1\n"
        path.write_bytes(head + good + b'"' + b"y" * 30_000 + b"\n" + good)
        history = read(path, limits=ReadLimits(max_row_bytes=10_000))
        assert history.counts.quarantined == {"row too long": 1}
        assert history.counts.kept == 2


def test_broken_csv_records_do_not_swallow_their_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_bytes(
        b"\xef\xbb\xbfprompt,arm,success\n"
        b'"two\nlines, one ""row""",direct,1\n'
        b"too,many,fields,here\n"
        b"few\n"
        b"caf\xe9,direct,1\n"
        b'"a quote that never ends,direct,1\n'
        b"plain,reasoning,0\n"
        b'"cut off at the end,direct'
    )
    history = read(path, quarantine=tmp_path / "bad.quarantine.jsonl")
    assert history.frame["prompt"].tolist() == ['two\nlines, one "row"', "plain"]
    assert history.counts.quarantined == {"wrong number of fields": 2, "not CSV": 2, "not UTF-8": 1}
    assert [entry["line"] for entry in quarantined(history)] == [4, 5, 6, 7, 9]


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


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("written", "value"), [("1", 1.0), (" 0.5 ", 0.5), (True, 1.0), ("False", 0.0), (None, None), ("null", None)]
)
def test_success_may_be_text_truth_or_unknown(tmp_path: Path, kind: str, written: object, value: float | None) -> None:
    row = {**GOOD, "success": written}
    history = read(write(tmp_path / f"history.{kind}", [row]))
    assert history.counts.quarantined == {}
    assert history.counts.success_unknown == (value is None)
    found = history.frame["success"].iloc[0]
    assert math.isnan(found) if value is None else found == value


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "2026-01-02T05:04:05+02:00", 1767323045, "1767323045",
        1767323045000, 1767323045000000, 1767323045000000000,
    ],
)  # fmt: skip
def test_times_may_be_iso_or_epoch(tmp_path: Path, written: object) -> None:
    history = read(write(tmp_path / "history.jsonl", [{**GOOD, "timestamp": written}]))
    assert history.start == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


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


def test_one_text_is_one_prompt_however_it_is_written(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"prompt": "Caf\u00e9  au lait\n"},
        {"prompt": "Cafe\u0301 au lait"},
        {"messages": [{"role": "user", "content": "Caf\u00e9 au lait"}]},
        {"messages": json.dumps([{"role": "user", "content": [{"type": "text", "text": "Caf\u00e9 au lait"}]}])},
        {"prompt": "ignored", "messages": [{"role": "user", "content": "Caf\u00e9 au lait"}]},
    ]
    history = read(write(tmp_path / "history.jsonl", [{**row, "arm": "direct", "success": 1} for row in rows]))
    assert history.counts.kept == 5
    assert history.counts.prompts == 1
    assert history.frame["prompt"].iloc[4] == "ignored"


def test_lone_surrogates_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text('{"prompt": "a\\ud800b", "arm": "direct", "success": 1, "note": "\\udfff"}\n')
    history = read(path)
    assert history.frame["prompt"].tolist() == ["a\ufffdb"]
    assert history.frame["note"].tolist() == ["\ufffd"]


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
