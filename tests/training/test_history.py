"""The record reader: every row is kept or in quarantine, whatever the file holds."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.decision.errors import ThinkgateError
from serving.decision.types import Arm
from training.errors import BadHistory, HistoryEmpty, HistoryMissing, HistoryUnreadable, MissingColumns
from training.history import History, ReadLimits, read

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
    """Read a good row and the same row with something changed."""
    row = {**GOOD, "request_id": "r2", **bad}
    path = write(tmp_path / f"history.{kind}", [GOOD, row])
    return read(path, arms=ARMS, quarantine=tmp_path / "bad.quarantine.jsonl", limits=limits)


# Formats


@pytest.mark.parametrize("kind", FORMATS)
def test_all_formats_give_the_same_history(tmp_path: Path, kind: str) -> None:
    rows = [{**row, "timestamp": "2026-01-02T03:04:05Z", "task": "sums"} for row in records(20)]
    history = read(write(tmp_path / f"history.{kind}", rows), quarantine=tmp_path / "bad.quarantine.jsonl")
    assert history.counts.read == history.counts.kept == 20
    assert history.counts.per_arm == {"direct": 10, "reasoning": 10}
    assert history.counts.prompts == 10
    assert history.start == history.end == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert history.frame["prompt"].tolist() == [row["prompt"] for row in rows]
    assert history.digest == read(write(tmp_path / "other.jsonl", rows)).digest
    assert quarantined(history) == []


def test_dtypes_do_not_depend_on_the_data(tmp_path: Path) -> None:
    sparse = read(write(tmp_path / "sparse.jsonl", [{"prompt": "Hi", "arm": "direct", "success": None}]))
    rich = read(write(tmp_path / "rich.parquet", [{**row, "task": "sums", "tenant": "t"} for row in records(4)]))
    assert [str(kind) for kind in sparse.frame.dtypes] == [str(kind) for kind in rich.frame.dtypes]
    assert list(sparse.frame) == list(rich.frame)


def test_digest_ignores_order_and_files_but_not_contents(tmp_path: Path) -> None:
    rows = records(10)
    whole = read(write(tmp_path / "whole.jsonl", rows))
    folder = tmp_path / "parts"
    folder.mkdir()
    write(folder / "b.csv", rows[:3])
    write(folder / "a.parquet", rows[:2:-1])
    assert read(folder).digest == whole.digest
    rows[4] = {**rows[4], "success": 0.0}
    assert read(write(tmp_path / "changed.jsonl", rows)).digest != whole.digest


def test_small_batches_give_the_same_history(tmp_path: Path) -> None:
    for kind in FORMATS:
        path = write(tmp_path / f"history.{kind}", [*records(10), {**GOOD, "success": 7.0}])
        ticks: list[int] = []

        def tick(stage: str, done: int, total: int, ticks: list[int] = ticks) -> None:
            ticks.append(done)

        small = read(path, limits=ReadLimits(batch_rows=3), progress=tick)
        assert ticks == [3, 6, 9, 11]
        assert small.digest == read(path).digest
        assert small.counts == read(path).counts
        assert small.examples == read(path).examples


def test_gzip_globs_folders_and_repeated_paths(tmp_path: Path) -> None:
    text = write(tmp_path / "a.jsonl", records(4)).read_bytes()
    (tmp_path / "a.jsonl").unlink()
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text))
    (tmp_path / "notes.txt").write_text("not history")
    write(tmp_path / "old.quarantine.jsonl", [{"source": "x", "line": 1, "reason": "y", "row": {}}])
    for paths in (tmp_path, str(tmp_path / "*"), [tmp_path, tmp_path / "a.jsonl.gz"]):
        history = read(paths)
        assert (history.counts.files, history.counts.kept) == (1, 4)


# Files as a whole


@pytest.mark.parametrize(
    ("name", "content", "error", "cure"),
    [
        ("a.jsonl", b"", HistoryEmpty, "no rows"),
        ("a.csv", b"request_id,prompt,arm,success\n", HistoryEmpty, "no rows"),
        ("a.parquet", b"", HistoryEmpty, "no rows"),
        ("a.csv", b"id,question,arm,success\n1,x,direct,1\n", MissingColumns, r"no column prompt \(or messages\)"),
        ("a.csv", b"prompt,Arm,success\nx,direct,1\n", MissingColumns, "Arm looks like arm"),
        ("a.csv", b"prompt;arm;success\nx;direct;1\n", MissingColumns, "commas"),
        ("a.csv", b"prompt,arm,arm,success\nx,y,y,1\n", HistoryUnreadable, "twice"),
        ("a.jsonl", b'{"prompt": "x", "score": 1}\n' * 3, MissingColumns, "no column arm, success"),
        ("a.jsonl", '{"prompt": "x"}'.encode("utf-16"), HistoryUnreadable, "iconv"),
        ("a.csv", "prompt,arm\nx,y\n".encode("utf-16-le"), HistoryUnreadable, "iconv"),
        ("a.json", b'[{"prompt": "x"},\n{"prompt": "y"}]', HistoryUnreadable, "one object per line"),
        ("a.json", b'{\n  "prompt": "x"\n}', HistoryUnreadable, "one object per line"),
        ("a.parquet", b"PAR1 no more", HistoryUnreadable, "not readable as Parquet"),
        ("a.jsonl.gz", gzip.compress(b'{"prompt": "x"}\n' * 500)[:40], HistoryUnreadable, "gzip stream damaged"),
        ("a.xlsx", b"x", HistoryUnreadable, "unknown format"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes, error: type[BadHistory], cure: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=cure) as caught:
        read(tmp_path / name)
    assert name in str(caught.value)


@pytest.mark.parametrize("path", ["absent.jsonl", "absent/*.csv", "."])
def test_no_file_is_an_error(tmp_path: Path, path: str) -> None:
    with pytest.raises(HistoryMissing):
        read(tmp_path / path)


def test_the_quarantine_never_overwrites_history(tmp_path: Path) -> None:
    path = write(tmp_path / "history.jsonl", records(2))
    before = path.read_bytes()
    with pytest.raises(BadHistory, match="overwrite"):
        read(tmp_path, quarantine=path)
    assert path.read_bytes() == before


# Rows


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
    assert history.counts.unnamed == history.counts.kept == 3
    assert history.frame["request_id"].is_unique


# Cells


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
    assert history.counts.doubts == {"unknown columns of a batch left behind": 2}


def test_odd_rows_are_kept_and_counted(tmp_path: Path) -> None:
    odd = {"reasoning_tokens": 50, "failure_mode": "rude", "prompt_id": "p"}
    rows = [{**row, **odd, "prompt": f"Prompt {i}"} for i, row in enumerate(records(2))]
    history = read(write(tmp_path / "history.jsonl", rows))
    assert history.counts.kept == 2
    assert sorted(history.counts.doubts.values()) == [1, 2, 2]


def test_prompts_to_score_need_no_outcome(tmp_path: Path) -> None:
    path = write(tmp_path / "prompts.csv", [{"prompt": "Hi"}, {"prompt": ""}])
    history = read(path, outcomes=False)
    assert (history.counts.kept, history.counts.quarantined) == (1, {"empty prompt": 1})
    with pytest.raises(MissingColumns):
        read(path)


def test_reasons_and_examples_never_hold_the_prompt(tmp_path: Path) -> None:
    secret = "the launch code is 0000"
    rows = [{**GOOD, "prompt": secret, "success": 9}, {**GOOD, "messages": secret}, {**GOOD, "prompt": [secret]}]
    history = read(write(tmp_path / "history.jsonl", rows))
    assert len(history.examples) == 3
    assert secret not in repr(history.examples) + repr(history.counts)


# Properties

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["direct", "reasoning", "1", "nan", "2026-01-02", "\ud800", "[]", '[{"role": "user"}]']),
)
CELLS = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))
NAMES = st.sampled_from(["request_id", "prompt_id", "messages", "propensity", "output_tokens", "timestamp", "extra"])
ROWS = st.lists(
    st.tuples(st.fixed_dictionaries({"prompt": CELLS, "arm": CELLS, "success": CELLS}), st.dictionaries(NAMES, CELLS)),
    min_size=1,
    max_size=6,
).map(lambda pairs: [{**core, **more} for core, more in pairs])
FAST = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def account(path: Path, rows: int | None = None) -> None:
    """Every row in is a row kept or a line of the quarantine, and only kept rows are in the frame."""
    with tempfile.TemporaryDirectory() as folder:
        history = read(path, quarantine=Path(folder) / "bad.quarantine.jsonl", limits=ReadLimits(batch_rows=4))
        bad = quarantined(history)
    counts = history.counts
    assert counts.read == counts.kept + sum(counts.quarantined.values())
    assert len(bad) == sum(counts.quarantined.values())
    assert len(history.frame) == counts.kept == sum(counts.per_arm.values())
    assert rows is None or counts.read == rows
    known = history.frame["success"].dropna()
    assert known.between(0, 1).all()
    assert (history.frame["prompt"].notna() | history.frame["messages"].notna()).all()


@FAST
@given(ROWS)
def test_jsonl_rows_are_all_accounted_for(rows: list[dict[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        account(path, len(rows))


@FAST
@given(ROWS)
def test_csv_rows_are_all_accounted_for(rows: list[dict[str, object]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.csv"
        path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
        account(path, len(rows))


@FAST
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "prompt": st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=8)),
                "arm": st.sampled_from([None, "", "direct", "reasoning"]),
                "success": st.one_of(st.none(), st.floats()),
                "timestamp": st.one_of(st.none(), st.datetimes()),
                "output_tokens": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
                "messages": st.one_of(
                    st.none(), st.lists(st.fixed_dictionaries({"role": st.just("user")}), max_size=2)
                ),
            }
        ),
        min_size=1,
        max_size=6,
    )
)
def test_parquet_rows_are_all_accounted_for(rows: list[dict[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "history.parquet", rows)
        account(path, len(rows))


@FAST
@given(st.sampled_from(["a.jsonl", "a.csv", "a.parquet", "a.jsonl.gz"]), st.binary(max_size=200), st.booleans())
def test_arbitrary_bytes_never_escape_the_error_tree(name: str, content: bytes, headed: bool) -> None:
    heads = {"a.csv": b"prompt,arm,success\n", "a.jsonl": json.dumps(GOOD).encode() + b"\n"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(heads.get(name, b"") * headed + content)
        try:
            account(path)
        except ThinkgateError as error:
            assert name in str(error)  # noqa: PT017 - most bytes raise nothing
