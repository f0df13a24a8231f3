"""Reading whole histories: formats, folders, refusals, and reasons that never show a prompt."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.history_files import FORMATS, GOOD, quarantined, records, write
from training.errors import BadHistory, HistoryEmpty, HistoryMissing, HistoryUnreadable, MissingColumns
from training.records.history import read
from training.records.readers.rows import ReadLimits


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
