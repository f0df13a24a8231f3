"""Numbered lines of plain and gzipped files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from training.errors import HistoryUnreadable
from training.records.history import read
from training.records.readers.lines import Line, TextRow, batches, lines, open_text
from training.records.readers.rows import ReadLimits, UnreadableRow


def test_a_line_over_the_byte_limit_is_cut(tmp_path: Path) -> None:
    for kind, head in (("jsonl", b""), ("csv", b"prompt,arm,success\n")):
        path = tmp_path / f"history.{kind}"
        good = b'{"prompt": "x", "arm": "direct", "success": 1}\n' if kind == "jsonl" else b"x,direct,1\n"
        path.write_bytes(head + good + b'"' + b"y" * 30_000 + b"\n" + good)
        history = read(path, limits=ReadLimits(max_row_bytes=10_000))
        assert history.counts.quarantined == {"row too long": 1}
        assert history.counts.kept == 2


def read_lines(path: Path, max_bytes: int = 1 << 20) -> list[Line]:
    with open_text(path) as stream:
        return list(lines(stream, max_bytes))


@pytest.mark.parametrize("packed", [False, True])
def test_lines_are_numbered_and_a_byte_order_mark_is_skipped(tmp_path: Path, packed: bool) -> None:
    data = b"\xef\xbb\xbfone\n\r\ntwo"
    path = tmp_path / "a.txt"
    path.write_bytes(gzip.compress(data) if packed else data)
    found = read_lines(path)
    assert [(line.number, line.text, line.blank) for line in found] == [
        (1, "one", False),
        (2, "", True),
        (3, "two", False),
    ]
    assert not any(line.truncated for line in found)


@pytest.mark.parametrize(("size", "truncated"), [(9, False), (10, False), (11, True), (5000, True)])
def test_a_line_of_the_limit_is_whole_and_a_longer_one_truncated(tmp_path: Path, size: int, truncated: bool) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * (size - 1) + b"\nnext\n")
    first, second = read_lines(path, max_bytes=10)
    assert first.truncated is truncated
    assert (second.number, second.text) == (2, "next")


def test_bytes_that_are_not_utf8_are_escaped() -> None:
    assert Line(1, b"caf\xe9\r\n").text == "caf\\xe9"


@pytest.mark.parametrize(
    ("data", "cure"),
    [
        ("a,b".encode("utf-16"), "iconv -f UTF-16LE"),
        ("a,b".encode("utf-32"), "iconv -f UTF-32LE"),
        ("many words".encode("utf-16-le"), "UTF-16 or binary"),
        (b"PAR1....", "name it .parquet"),
        (gzip.compress(b"x" * 9999)[:-9], "fetch the file again"),
    ],
)
def test_files_that_are_no_utf8_text_are_refused(tmp_path: Path, data: bytes, cure: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(HistoryUnreadable, match=cure):
        read_lines(path)


def test_batches_end_at_the_limit_of_rows_or_bytes() -> None:
    bad = UnreadableRow(3, "not JSON", "reason", "{")
    rows = [TextRow(1, {"a": 1}, 10), TextRow(2, {"b": 2}, 10), TextRow(3, bad, 10), TextRow(4, {"a": 4}, 10)]
    by_rows = list(batches(rows, ReadLimits(batch_rows=3)))
    assert [(batch.lines.tolist(), list(batch.unreadable)) for batch in by_rows] == [([1, 2], [bad]), ([4], [])]
    by_bytes = list(batches(rows, ReadLimits(batch_bytes=20)))
    assert [len(batch) for batch in by_bytes] == [2, 1]
    assert list(batches([], ReadLimits())) == []
