"""Kills a collector 20 times in a run of 500 prompts and writes what was lost or paid twice to docs/benchmarks.

The endpoint is a fake one that counts, so nothing costs money. Imports are streamed beside it:
rows a second and peak memory of `thinkgate import` on a million rows.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.support.collector_kills import Killed, kill_often
from tests.support.servers import ROOT

PAGE = ROOT / "docs" / "benchmarks" / "collector.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=500)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        killed = kill_often(Path(folder), given.prompts, given.kills)
    print(killed)
    with tempfile.TemporaryDirectory() as folder:
        seconds, mebibytes, told = stream(Path(folder), given.rows)
    print(told, f"{seconds:.0f} s, {mebibytes:.0f} MiB")
    assert f"{given.rows} of {given.rows} rows written" in told
    PAGE.write_text(page(killed, given.prompts, given.rows, mebibytes), encoding="utf-8")
    print(PAGE)
    assert killed.lost == 0
    assert killed.repeated <= killed.in_flight


def stream(folder: Path, rows: int) -> tuple[float, float, str]:
    """Import made-up callback payloads; give seconds, peak MiB of the importing process, and what it said."""
    source = folder / "callbacks.jsonl"
    with source.open("w") as file:
        for place in range(rows):
            text = f"Summarise ticket {place}: " + "the printer on floor three does not print. " * 8
            file.write(json.dumps({
                "id": f"r{place}", "call_type": "acompletion", "status": "success", "response_cost": 0.001,
                "startTime": 1.7e9 + place, "endTime": 1.7e9 + place + 2, "model": "gpt-5.1", "model_group": None,
                "messages": [{"role": "user", "content": text}], "metadata": {}, "model_parameters": {},
                "response": {"usage": {"prompt_tokens": 100, "completion_tokens": 50}},
            }) + "\n")  # fmt: skip
    command = [sys.executable, "-m", "training.cli.main", "import", "litellm-callbacks", str(source)]
    began = time.monotonic()
    ended = subprocess.run(
        [*command, "--out", str(folder / "out.parquet")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds = time.monotonic() - began
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, ended.stdout


def page(killed: Killed, prompts: int, rows: int, mebibytes: float) -> str:
    today = datetime.now(UTC).date().isoformat()
    return f"""# Collector and importers

`make bench NAME=collector`, {today}, a machine of 2 cores that others used at the same time: so only counts and memory
stand here, seconds are printed. The endpoint is a fake one on the same machine that counts what it answered; prompts
are made up.

| {prompts} prompts x 2 arms, SIGKILL {killed.kills} times | |
|---|---|
| calls planned | {killed.calls} |
| outcome records at the end | {killed.records} |
| calls lost | {killed.lost} |
| calls paid more than once | {killed.repeated} |
| calls that can have been under way at the kills (4 at a time) | {killed.in_flight} |

| `thinkgate import litellm-callbacks`, {rows:,} rows of 0.7 kB to Parquet | |
|---|---|
| rows written | {rows:,} |
| peak memory of the largest process, MiB | {mebibytes:.0f} |
"""


if __name__ == "__main__":
    main()
