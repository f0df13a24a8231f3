"""The command line as a newcomer meets it: the whole way once, and one clear line for every kind of bad input."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from serving.decision.bundle.manifest import DataFingerprint
from tests.support import tiny_models as tiny
from training.export.bundle_writer import BundleLineage, export_bundle

ROOT = Path(__file__).parents[2]


def thinkgate(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "training.cli.main", *arguments]
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


FAULTS: dict[str, dict[str, Any]] = {
    "success out of range": {"success": 7},
    "negative output_tokens": {"output_tokens": -5},
    "unknown arm": {"arm": "turbo"},
    "duplicate request_id": {"request_id": "0-direct"},
    "success is NaN": {"success": float("nan")},
    "latency_ms is not finite": {"latency_ms": float("inf")},
    "propensity out of range": {"propensity": 0.0},
    "prompt too long": {"prompt": "x" * 20_000_000},
    "empty prompt": {"prompt": "  "},
    "success not a number": {"success": "maybe"},
}


def test_bad_rows_among_good_ones_are_kept_with_line_and_reason(tmp_path: Path) -> None:
    good = rows(15)
    path = write(tmp_path / "history.jsonl", good)
    with path.open("ab") as file:
        for kind, change in FAULTS.items():
            file.write(json.dumps({**good[0], "request_id": kind, **change}).encode() + b"\n")
        file.write('{"request_id": "l1", "prompt": "Straße", "arm": "direct", "success": 1}\n'.encode("latin-1"))
        file.write(b'{"request_id": "cut off", "prom')
    arms = ROOT / "data" / "arms.toml"
    done = thinkgate("train", "history.jsonl", "--arms", str(arms), "--out", "bundle", cwd=tmp_path)
    assert done.returncode == 2
    said = [line for line in done.stderr.splitlines() if line.startswith("thinkgate:")]
    assert len(said) == 1
    assert "15 prompts with a known success are too few" in said[0]
    assert "12 of 42 rows could not be used: they are in bundle.quarantine.jsonl" in said[0]
    quarantine = [json.loads(line) for line in (tmp_path / "bundle.quarantine.jsonl").read_text("utf-8").splitlines()]
    wanted = dict(enumerate([*FAULTS, "not UTF-8", "not JSON"], 31))
    assert {row["line"]: row["kind"] for row in quarantine} == wanted
    assert all(row["reason"] and row["row"] for row in quarantine)


def test_logs_of_a_policy_without_chance_are_refused_with_the_way_out(tmp_path: Path) -> None:
    logs = [
        row for row in rows(80) if row["arm"] == ("direct" if int(row["request_id"].split("-")[0]) % 2 else "reasoning")
    ]
    write(tmp_path / "history.jsonl", [{**row, "success": float(i % 3 > 0)} for i, row in enumerate(logs)])
    done = thinkgate("train", "history.jsonl", "--out", "bundle", "--cache", "cache", cwd=tmp_path)
    assert done.returncode == 2
    assert re.search(r"no overlap: .* collect paired data .* exploration", done.stderr)
    assert not (tmp_path / "cache").exists(), "refused before anything is distilled"


def test_a_place_that_is_taken_is_refused_before_the_data_are_read(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "thesis.txt").write_text("mine")
    done = thinkgate("train", "history.jsonl", "--out", "bundle", cwd=tmp_path)
    assert done.returncode == 2
    assert "bundle is there and is no bundle" in done.stderr
    assert (tmp_path / "bundle" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("damage", "words", "command"),
    [
        ("flipped", "model.onnx", ["decide", "bundle", "--prompt", "hi"]),
        ("missing", "tokenizer.json", ["score", "bundle", "prompts.jsonl", "--out", "scores.parquet"]),
        ("newer", "protocol 99", ["evaluate", "bundle", "prompts.jsonl"]),
    ],
)
def test_a_damaged_bundle_is_refused_by_name(damage: str, words: str, command: list[str], tmp_path: Path) -> None:
    lineage = BundleLineage(DataFingerprint("d1", 300, 300, None, None))
    bundle = export_bundle(tiny.model(2), tiny.encoder(), tiny.ARMS[:2], tmp_path / "bundle", lineage).path
    if damage == "flipped":
        content = bytearray((bundle / "model.onnx").read_bytes())
        content[len(content) // 2] ^= 1
        (bundle / "model.onnx").write_bytes(content)
    elif damage == "missing":
        (bundle / "tokenizer.json").unlink()
    else:
        manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
        (bundle / "manifest.json").write_text(json.dumps({**manifest, "protocol": 99}), "utf-8")
    write(tmp_path / "prompts.jsonl", [{"prompt": "Extract the names."}])
    done = thinkgate(*command, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("thinkgate:")]
    assert len(said) == 1, done.stderr
    assert words in said[0]
    assert not (tmp_path / "scores.parquet").exists()


def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = thinkgate("decide", "nowhere", "--prompt", "hi", cwd=tmp_path)
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["trian"], "No such command"),
        (["train", "x.jsonl"], "--out"),
        (["decide", "bundle", "--prompt", "hi", "--value", "much"], "--value"),
        (["demo", "--prompts", "3"], "--prompts"),
    ],
)
def test_a_wrong_command_line_is_told_without_a_traceback(arguments: list[str], word: str, tmp_path: Path) -> None:
    done = thinkgate(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["", "demo", "train", "evaluate", "score", "decide", "savings"])
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
    decided = thinkgate("decide", bundle, "--prompt", "What is 17 * 23?", "--explain", cwd=tmp_path)
    assert decided.returncode == 0, decided.stderr
    for word in ("success", "net benefit", "What moved the uplift of reasoning", "nearest cases"):
        assert word in decided.stdout
    saved = thinkgate("savings", records, "--bundle", bundle, cwd=tmp_path)
    assert saved.returncode == 0, saved.stderr
    for word in ("always reasoning", "USD a year", "SYNTHETIC", "trained on these very records"):
        assert word in saved.stdout
