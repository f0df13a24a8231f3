"""Each importer of a tool's history on files in that tool's own layout: what is mapped, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.importer_rows import (
    ARMS,
    ASKED,
    CHAT,
    attribute,
    calls,
    kinds,
    lines,
    observation,
    outcome,
    payload,
    request,
    span,
    spend_log,
)


def test_spend_log_becomes_a_record(tmp_path: Path) -> None:
    row = spend_log(metadata={"requester_metadata": {"thumb": True, "chance": 0.25}, "attempted_retries": 1})
    (call,) = calls(
        "litellm-spend-logs", lines(tmp_path / "a.jsonl", [row]), arms=ARMS, success="thumb", propensity="chance"
    )
    assert outcome(call) == {
        "request_id": "r1", "messages": json.dumps(ASKED), "arm": "reasoning", "success": 1.0, "propensity": 0.25,
        "input_tokens": 50, "cached_input_tokens": 0, "output_tokens": 900, "reasoning_tokens": 700,
        "cost_usd": 0.0091, "latency_ms": 2500.0, "retries": 1.0, "model": "openai/gpt-5.1", "tenant": "search",
        "session_id": "s", "timestamp": "2026-01-05T10:00:00+00:00",
    }  # fmt: skip


def test_spend_logs_say_what_they_cannot_map(tmp_path: Path) -> None:
    timeout = {"error_information": {"error_class": "Timeout"}, "status": "failure"}
    rows = [
        spend_log(messages={}, proxy_server_request={"reasoning_effort": "high"}),
        spend_log(call_type="aembedding"),
        spend_log(cache_hit="True"),
        spend_log(
            status="failure",
            metadata={"error_information": {"error_class": "RateLimitError", "traceback": "f(timeout=60)"}},
        ),
        spend_log(status="failure", metadata=timeout),
        spend_log(model_group="o3"),
        spend_log(proxy_server_request={"messages": ASKED}),
        {"some": "other file"},
    ]
    found = calls("litellm-spend-logs", lines(tmp_path / "a.jsonl", rows), arms=ARMS)
    assert kinds(found) == [
        "no prompt", "not a chat call", "answered from a cache", "call failed", "mapped", "no arm for the model",
        "effort not known", "unexpected shape",
    ]  # fmt: skip
    late = outcome(found[4])
    assert (late["success"], late["failure_mode"]) == (0.0, "timeout")
    assert "cost_usd" not in late


def test_spend_logs_as_csv_hold_json_in_their_cells(tmp_path: Path) -> None:
    row = spend_log()
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(
            {name: json.dumps(cell) if isinstance(cell, dict | list) else cell for name, cell in row.items()}
        )
    (call,) = calls("litellm-spend-logs", tmp_path / "a.csv", arms=ARMS)
    assert outcome(call) == outcome(calls("litellm-spend-logs", lines(tmp_path / "b.jsonl", [row]), arms=ARMS)[0])


def test_callback_becomes_a_record(tmp_path: Path) -> None:
    rows = [
        payload(),
        {"standard_logging_object": payload(id="p2")},
        payload(id="p3", status="failure", error_str="boom"),
    ]
    found = calls("litellm-callbacks", lines(tmp_path / "a.jsonl", rows), arms=ARMS)
    assert kinds(found) == ["mapped", "mapped", "call failed"]
    assert outcome(found[0])["arm"] == "direct"
    assert outcome(found[0])["latency_ms"] == 1500.0
    assert outcome(found[1])["request_id"] == "p2"


def test_langfuse_observations(tmp_path: Path) -> None:
    rows = [
        observation(scores={"correctness": [1]}),
        observation(id="o2", type="SPAN"),
        observation(id="o3", level="ERROR", statusMessage="boom"),
        {"id": "t1", "name": "a trace", "input": "x", "observations": ["o1"]},
    ]
    found = calls("langfuse", lines(tmp_path / "a.jsonl", rows), arms=ARMS, success="correctness")
    assert kinds(found) == ["mapped", "not a model call", "call failed", "trace without observations"]
    row = outcome(found[0])
    assert (row["input_tokens"], row["cached_input_tokens"]) == (50, 10)
    assert (row["output_tokens"], row["reasoning_tokens"]) == (900, 700)
    assert (row["success"], row["cost_usd"], row["latency_ms"], row["task"]) == (1.0, 0.02, 3000.0, "sums")


def test_langfuse_traces_lend_their_scores_to_their_observations(tmp_path: Path) -> None:
    trace = {
        "id": "t1",
        "userId": "u",
        "sessionId": "s",
        "observations": [observation(), observation(id="o2")],
        "scores": [
            {"name": "ok", "value": 0.5, "observationId": "o2"},
            {"name": "ok", "value": 1, "observationId": None},
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps([trace], indent=2))
    one, two = (outcome(call) for call in calls("langfuse", tmp_path / "a.json", success="ok"))
    assert (one["success"], two["success"]) == (1.0, 0.5)
    assert (one["tenant"], one["session_id"], one["arm"]) == ("u", "s", "gpt-5.1@high")


def test_langfuse_blob_export_says_the_same_in_snake_case(tmp_path: Path) -> None:
    row = {
        "id": "o1", "trace_id": "t1", "type": "GENERATION", "start_time": "2026-01-05 10:00:00.000000",
        "end_time": "2026-01-05 10:00:03.000000", "provided_model_name": "gpt-5.1", "input": json.dumps(ASKED),
        "model_parameters": json.dumps({"reasoning_effort": "high"}), "usage_details": {"input": 50, "output": 900},
        "total_cost": 0.02, "user_id": "u", "session_id": "s",
    }  # fmt: skip
    (call,) = calls("langfuse", lines(tmp_path / "a.jsonl", [row]), arms=ARMS)
    assert outcome(call)["output_tokens"] == 900
    assert outcome(call)["latency_ms"] == 3000.0


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


def test_csv_by_a_map_of_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,who,ok,secs,prompt\nWhat is 2 + 2?,direct,true,3,old\n,direct,1,3,\n")
    (call, empty) = calls("csv", tmp_path / "a.csv", columns={"prompt": "question", "arm": "who", "success": "ok"})
    assert outcome(call) == {"prompt": "What is 2 + 2?", "arm": "direct", "success": 1.0, "secs": "3"}
    assert kinds([empty]) == ["no prompt"]
