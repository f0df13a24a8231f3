"""GenAI spans of current and older semantic conventions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.importer_rows import CHAT, attribute, calls, kinds, lines, outcome, request, span
from training.importers.otel import attributes


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
    ("attrs", "events"),
    [
        ({"gen_ai.prompt": "Hi"}, []),
        ({"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Hi"}, []),
        ({}, [{"name": "gen_ai.user.message", "attributes": [attribute("content", "Hi")]}]),
        ({}, [{"name": "gen_ai.content.prompt", "attributes": [attribute("gen_ai.prompt", "Hi")]}]),
    ],
)
def test_older_spans_hold_prompts_elsewhere(tmp_path: Path, attrs: dict[str, Any], events: list[Any]) -> None:
    base = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    (tmp_path / "a.json").write_text(json.dumps(request(span(base | attrs, events)), indent=1))
    (call,) = calls("otel", tmp_path / "a.json")
    assert json.loads(outcome(call)["messages"]) == [{"role": "user", "content": "Hi"}]


def test_a_timeout_is_a_failure_of_its_arm_and_other_errors_are_refused(tmp_path: Path) -> None:
    rows = [
        request(span(CHAT, status={"code": "STATUS_CODE_ERROR", "message": "deadline: timed out"})),
        request(span(CHAT | {"error.type": "TimeoutError"})),
        request(span(CHAT | {"error.type": "429"})),
    ]
    found = calls("otel", lines(tmp_path / "a.jsonl", rows))
    assert kinds(found) == ["mapped", "mapped", "call failed"]
    assert [outcome(call)["failure_mode"] for call in found[:2]] == ["timeout"] * 2


def test_attributes_of_every_type_are_converted() -> None:
    values = [
        {"key": "text", "value": {"stringValue": "x"}},
        {"key": "big", "value": {"intValue": "9007199254740993"}},
        {"key": "no", "value": {"boolValue": False}},
        {"key": "list", "value": {"arrayValue": {"values": [{"doubleValue": 0.5}, {"stringValue": "y"}]}}},
        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}]}}},
    ]
    assert attributes(values) == {
        "text": "x",
        "big": 9007199254740993,
        "no": False,
        "list": [0.5, "y"],
        "map": {"a": 1},
    }
    assert attributes(None) == {}


def test_system_instructions_come_first(tmp_path: Path) -> None:
    system = {"gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}])}
    (call,) = calls("otel", lines(tmp_path / "a.jsonl", [request(span(CHAT | system))]))
    assert [turn["role"] for turn in json.loads(outcome(call)["messages"])] == ["system", "user"]


def test_lines_without_spans_are_refused(tmp_path: Path) -> None:
    assert (
        kinds(calls("otel", lines(tmp_path / "a.jsonl", [{"resourceLogs": []}, {"resourceSpans": [{}]}])))
        == ["no spans"] * 2
    )
