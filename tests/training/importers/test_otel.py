"""GenAI spans of current and older semantic conventions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.importer_rows import (
    CHAT,
    attribute,
    calls,
    kinds,
    lines,
    outcome,
    request,
    span,
)


def test_spans(tmp_path: Path) -> None:
    judged = {
        "name": "gen_ai.evaluation.result",
        "attributes": [
            attribute("gen_ai.evaluation.name", "correct"),
            attribute("gen_ai.evaluation.score.value", 0.75),
        ],
    }
    rows = [request(span(CHAT, [judged]), span({"http.method": "GET"})), request(span(CHAT, status={"code": 2}))]
    found = calls("otel", lines(tmp_path / "a.jsonl", rows), success="correct")
    assert kinds(found) == ["mapped", "not a model call", "call failed"]
    row = outcome(found[0])
    assert json.loads(row["messages"]) == [{"role": "user", "content": "Hi"}]
    assert (row["success"], row["latency_ms"], row["session_id"]) == (0.75, 2000.0, "c")
    assert (row["input_tokens"], row["cached_input_tokens"]) == (50, 10)
    assert (row["output_tokens"], row["reasoning_tokens"]) == (900, 700)
    assert (row["arm"], row["model"]) == ("gpt-5.1", "gpt-5.1-2025-11-13")


@pytest.mark.parametrize(
    ("told", "events"),
    [
        ({"gen_ai.prompt": "Hi"}, []),
        ({"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Hi"}, []),
        ({}, [{"name": "gen_ai.user.message", "attributes": [attribute("content", "Hi")]}]),
        ({}, [{"name": "gen_ai.content.prompt", "attributes": [attribute("gen_ai.prompt", "Hi")]}]),
    ],
)
def test_older_spans_hold_prompts_elsewhere(tmp_path: Path, told: dict[str, Any], events: list[Any]) -> None:
    base = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    (tmp_path / "a.json").write_text(json.dumps(request(span(base | told, events)), indent=1))
    (call,) = calls("otel", tmp_path / "a.json")
    assert json.loads(outcome(call)["messages"]) == [{"role": "user", "content": "Hi"}]
