"""Prompt files: valid prompts, their checks, and rejected rows."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.collection_jobs import job
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.run import collect


def test_prompt_rows_that_are_none_are_told(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    rows = [{"prompt": "a"}, {"prompt": "a"}, {"prompt": ""}, {"prompt": "b", "grader": "guess"}]
    made = collect(job(tmp_path, endpoint, rows))
    assert (made.written, made.ungraded) == (2, {"no grader": 2})
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert kinds == ["duplicate prompt", "no prompt", "unknown grader"]
