"""Numbered lines of plain and gzipped files."""

from __future__ import annotations

from pathlib import Path

from training.records.history import read
from training.records.readers.rows import ReadLimits


def test_a_line_over_the_byte_limit_is_cut(tmp_path: Path) -> None:
    for kind, head in (("jsonl", b""), ("csv", b"prompt,arm,success\n")):
        path = tmp_path / f"history.{kind}"
        good = b'{"prompt": "x", "arm": "direct", "success": 1}\n' if kind == "jsonl" else b"x,direct,1\n"
        path.write_bytes(head + good + b'"' + b"y" * 30_000 + b"\n" + good)
        history = read(path, limits=ReadLimits(max_row_bytes=10_000))
        assert history.counts.quarantined == {"row too long": 1}
        assert history.counts.kept == 2
