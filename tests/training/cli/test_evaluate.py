"""`thinkgate evaluate` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli_runner import ThinkgateRunner
from tests.support.small_training import trained, write_records


def test_findings_figures_and_report(thinkgate: ThinkgateRunner, tmp_path: Path) -> None:
    records = write_records(tmp_path / "newer.parquet", 60, start=5000)
    done = thinkgate(
        "evaluate", trained().exported.path, records, "--json", tmp_path / "new" / "figures.json",
        "--report", tmp_path / "report", "--quarantine", tmp_path / "q.quarantine.jsonl",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "120 of 120 rows used, 60 prompts" in done.out
    assert "of the reasoning calls can be avoided" in " ".join(done.out.split())
    assert json.loads((tmp_path / "new" / "figures.json").read_text("utf-8"))["prompts"] == 60
    assert (tmp_path / "report" / "report.html").is_file()


def test_missing_records_are_named(thinkgate: ThinkgateRunner, tmp_path: Path) -> None:
    done = thinkgate("evaluate", trained().exported.path, tmp_path / "nowhere.parquet")
    assert (done.code, "no such file" in done.error) == (2, True)
