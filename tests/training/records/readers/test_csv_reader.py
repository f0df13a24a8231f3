"""CSV records: quoting, malformed records and headers."""

from __future__ import annotations

from pathlib import Path

from tests.support.history_files import quarantined
from training.records.history import read


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
