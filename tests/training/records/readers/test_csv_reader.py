"""CSV records: quoting, malformed records and headers."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.support.history_files import quarantined
from training.errors import HistoryUnreadable
from training.records.history import read
from training.records.readers.csv_reader import csv_rows
from training.records.readers.lines import TextRow
from training.records.readers.rows import ReadLimits, UnreadableRow


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


def rows_of(path: Path, data: bytes, max_row_bytes: int = 1 << 20) -> list[TextRow]:
    path.write_bytes(data)
    return list(csv_rows(path, ReadLimits(max_row_bytes=max_row_bytes)))


def kinds(rows: list[TextRow]) -> list[str]:
    return [row.row.kind if isinstance(row.row, UnreadableRow) else "row" for row in rows]


def test_empty_fields_are_missing_and_blank_lines_are_none(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "a.csv", b'a, b \n1,\n\n"x\ny",2\r\n')
    assert [(row.line, row.row) for row in rows] == [(2, {"a": "1", "b": None}), (4, {"a": "x\ny", "b": "2"})]
    assert rows_of(tmp_path / "b.csv", b"") == []


def test_a_quote_that_never_ends_costs_one_record(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "a.csv", b'a,b\n"open,1\nx,2\ny,3\n')
    assert kinds(rows) == ["not CSV", "row", "row"]
    assert [row.line for row in rows] == [2, 3, 4]


def test_records_over_the_limit_are_not_parsed(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "a.csv", b"a,b\n" + b"x" * 300 + b",1\ny,2\n", max_row_bytes=100)
    assert kinds(rows) == ["row too long", "row"]


def test_the_process_wide_field_limit_is_restored(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    rows = rows_of(tmp_path / "a.csv", b"a\n" + b"x" * (before + 1) + b"\n")
    assert kinds(rows) == ["row"]
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("header", "cure"), [(b"a,b,a\n1,2,3\n", "twice in the header: a"), (b"caf\xe9,b\n1,2\n", "no CSV header")]
)
def test_a_header_that_cannot_be_used_is_refused(tmp_path: Path, header: bytes, cure: str) -> None:
    with pytest.raises(HistoryUnreadable, match=cure):
        rows_of(tmp_path / "a.csv", header)
