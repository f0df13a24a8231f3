"""The command line as a newcomer meets it: the whole way once, and one clear line for every kind of bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]


def thinkgate(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "training.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=540)


def rows(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "request_id": f"{i}-{arm}",
            "prompt": f"prompt {i}",
            "arm": arm,
            "success": float((i + k) % 2),
            **changes,
        }
        for i in range(count)
        for k, arm in enumerate(("direct", "reasoning"))
    ]


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


BAD = {
    "no such file": (None, "history.jsonl"),
    "an empty file": ([], "history.jsonl"),
    "wrong columns": ([{"question": "a", "answer": "b"}] * 40, "prompt"),
    "only one arm": (rows(60, arm="direct"), "arm"),
    "all successes equal": (rows(60, success=1.0), "success"),
    "thirty rows only": (rows(15), "prompts"),
    "success of 7 everywhere": (rows(60, success=7.0), "history.jsonl"),
    "negative tokens everywhere": (rows(60, output_tokens=-3), "history.jsonl"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_records_get_one_line_that_names_the_cure(name: str, tmp_path: Path) -> None:
    records, word = BAD[name]
    path = tmp_path / "history.jsonl"
    if records is not None:
        write(path, records)
    done = thinkgate("train", "history.jsonl", "--out", "bundle", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("thinkgate:")]
    assert len(said) == 1, done.stderr
    assert word in said[0]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = thinkgate("decide", "nowhere", "--prompt", "hi", cwd=tmp_path)
    assert done.returncode != 0
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["", "demo", "train", "evaluate", "score", "decide"])
def test_help_reads(command: str, tmp_path: Path) -> None:
    done = thinkgate(*filter(None, [command]), "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_the_whole_way(tmp_path: Path) -> None:
    done = thinkgate("demo", "--prompts", "600", "--folder", "var/demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for word in ("SYNTHETIC", "always direct", "always reasoning", "thinkgate", "models:/thinkgate/1", "maths"):
        assert word in done.stdout
    bundle, records = "var/demo/bundle", "var/demo/history.parquet"
    assert (tmp_path / "var/demo/bundle-report/report.html").stat().st_size > 100_000
    judged = thinkgate("evaluate", bundle, records, "--json", "judged.json", cwd=tmp_path)
    assert judged.returncode == 0, judged.stderr
    assert json.loads((tmp_path / "judged.json").read_text())["metrics"]
    prompts = write(tmp_path / "prompts.jsonl", [{"prompt": "Extract the names."}, {"prompt": "Plan five steps."}])
    scored = thinkgate("score", bundle, str(prompts), "--out", "scores.parquet", cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr
    table = pq.read_table(tmp_path / "scores.parquet")
    assert table.column_names == ["prompt_id", "success_direct", "success_reasoning", "uplift_reasoning", "support"]
    assert table.num_rows == 2
    decided = thinkgate("decide", bundle, "--prompt", "What is 17 * 23?", cwd=tmp_path)
    assert decided.returncode == 0, decided.stderr
    assert "success" in decided.stdout
