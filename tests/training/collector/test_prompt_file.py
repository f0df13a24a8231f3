"""Prompt files: valid prompts, their checks, and rejected rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.collection_jobs import job
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.prompt_file import PromptFile, read_prompts
from training.collector.run import collect
from training.errors import BadHistory


def test_rows_that_are_no_prompts_are_quarantined(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    rows = [{"prompt": "a"}, {"prompt": "a"}, {"prompt": ""}, {"prompt": "b", "grader": "guess"}]
    made = collect(job(tmp_path, endpoint, rows))
    assert (made.written, made.ungraded) == (2, {"no grader": 2})
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert kinds == ["duplicate prompt", "no prompt", "unknown grader"]


def read_rows(path: Path, rows: list[dict[str, Any]], grader: str | None = None) -> PromptFile:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_prompts(path, grader)


def test_prompts_and_messages_are_sent_as_chats(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    rows = [{"prompt": "Hi", "prompt_id": 7, "task": "sums"}, {"messages": chat}]
    plain, turns = read_rows(tmp_path / "a.jsonl", rows).prompts
    assert json.loads(plain.messages) == [{"role": "user", "content": "Hi"}]
    assert (plain.prompt_id, plain.task, plain.check) == ("7", "sums", None)
    assert json.loads(turns.messages) == chat
    assert turns.text == "Be brief.\n\nHi"
    assert turns.input_tokens > plain.input_tokens > 0


def test_the_grader_of_a_row_wins_over_the_default(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a", "answer": 391},
        {"prompt": "b", "answer": "x", "grader": "exact"},
        {"prompt": "c", "grader": "regex", "check": {"pattern": "x"}},
        {"prompt": "d", "grader": "regex", "check": '{"pattern": "y"}'},
    ]
    checks = [prompt.check for prompt in read_rows(tmp_path / "a.jsonl", rows, "numeric").prompts]
    assert [(check.grader, check.answer, dict(check.options)) for check in checks if check] == [
        ("numeric", "391", {}), ("exact", "x", {}),
        ("regex", None, {"pattern": "x"}), ("regex", None, {"pattern": "y"}),
    ]  # fmt: skip


def test_a_file_without_a_prompt_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadHistory, match="no row is a prompt"):
        read_rows(tmp_path / "a.jsonl", [{"question": "a"}])
