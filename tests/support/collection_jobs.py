"""Builds jobs against the fake endpoint and reads the records that they wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from serving.decision.types import Arm
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.client import CallSettings
from training.collector.job import Job
from training.collector.prompt_file import read_prompts

ARMS = (Arm("direct", "gpt-5.1", "none"), Arm("reasoning", "gpt-5.1", "high"))


USD_A_CALL = 10 * 1.25e-6 + 50 * 10e-6


def job(folder: Path, endpoint: FakeEndpoint, rows: list[dict[str, Any]] | int = 3, **more: Any) -> Job:
    if isinstance(rows, int):
        rows = [{"prompt": f"What is 17 * 23 ({n})?", "answer": "391", "grader": "numeric"} for n in range(rows)]
    path = folder / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = CallSettings(endpoint.url, per_second=1000, attempts=3, timeout_s=5, backoff_s=0.01)
    base = Job(read_prompts(path), ARMS, settings, folder / "calls.jsonl", folder / "out.jsonl", folder / "q.jsonl")
    return replace(base, **more)


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
