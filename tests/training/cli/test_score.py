"""`thinkgate score` as it is typed."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from tests.support import bundles
from tests.support.cli_runner import ThinkgateRunner
from tests.support.history_files import write


def test_prompts_are_scored_into_a_file(thinkgate: ThinkgateRunner, tmp_path: Path) -> None:
    prompts = write(tmp_path / "prompts.jsonl", [{"prompt": "Extract the names."}, {"prompt": "Plan five steps."}])
    done = thinkgate("score", bundles.exported(0), prompts, "--out", tmp_path / "scores.parquet")
    assert done.code == 0, done.err
    assert "2 prompts scored" in done.out
    assert pq.read_table(tmp_path / "scores.parquet").num_rows == 2


def test_missing_prompts_and_missing_bundles_are_named(thinkgate: ThinkgateRunner, tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    done = thinkgate("score", bundles.exported(0), tmp_path / "nowhere.jsonl", "--out", out)
    assert (done.code, "no such file" in done.error) == (2, True)
    done = thinkgate("score", tmp_path / "nobundle", tmp_path / "nowhere.jsonl", "--out", out)
    assert (done.code, "nobundle" in done.error) == (2, True)
    assert not out.exists()
