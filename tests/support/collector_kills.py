"""Kills a collector repeatedly, restarts it, and counts lost calls and calls that were paid for twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.fake_llm_endpoint import FakeEndpoint, serve

ARMS = """
[[arm]]
name = "direct"
model = "gpt-5.1"
effort = "none"
[[arm]]
name = "reasoning"
model = "gpt-5.1"
effort = "high"
"""


@dataclass(frozen=True, slots=True)
class Killed:
    """Counts of such a run; `repeated` are paid calls above one per key, `in_flight` what kills explain."""

    calls: int
    kills: int
    records: int
    lost: int
    repeated: int
    in_flight: int
    seconds: float


def kill_often(folder: Path, prompts: int, kills: int, concurrency: int = 4, seconds: float = 0.02) -> Killed:
    """Run `thinkgate collect` over prompts x 2 arms, with SIGKILL at moments spread over the run."""
    rng = random.Random(7)
    rows = [{"prompt": f"What is {n} + {n}?", "answer": str(2 * n), "grader": "numeric"} for n in range(prompts)]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "arms.toml").write_text(ARMS)
    calls = prompts * 2
    begun = time.monotonic()
    with serve(FakeEndpoint(answer=_answer, seconds=seconds)) as endpoint:
        done = 0
        while done < kills:
            # The next kill comes once the endpoint has had its share of the calls, at a random moment of one.
            due = (done + 1) * calls // (kills + 2)
            process = _start(folder, endpoint.url, concurrency)
            while process.poll() is None and sum(endpoint.seen.values()) < due:
                time.sleep(0.002)
            assert process.poll() is None, "the collector ended before it could be killed"
            time.sleep(rng.uniform(0, 2 * seconds))
            process.kill()
            process.wait()
            done += 1
        last = _start(folder, endpoint.url, concurrency)
        assert last.wait(300) == 0, (folder / "collector.log").read_text()[-3000:]
        time.sleep(3 * seconds)
        paid = dict(endpoint.paid)
    records = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    right = {(row["messages"], row["arm"]) for row in records if row["success"] == 1.0}
    return Killed(
        calls=calls,
        kills=kills,
        records=len(records),
        lost=calls - len(right),
        repeated=sum(paid.values()) - len(paid),
        in_flight=kills * concurrency,
        seconds=time.monotonic() - begun,
    )


def _answer(body: dict[str, object]) -> str:
    words = str(body["messages"][-1]["content"]).split()  # type: ignore[index] # a chat body
    return str(2 * int(words[2]))


def _start(folder: Path, url: str, concurrency: int) -> subprocess.Popen[bytes]:
    options = ["--arms", "arms.toml", "--out", "history.jsonl", "--yes", "--url", url]
    paced = ["--concurrency", str(concurrency), "--per-second", "1000"]
    command = [sys.executable, "-m", "training.cli.main", "collect", "prompts.jsonl", *options, *paced]
    with (folder / "collector.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
