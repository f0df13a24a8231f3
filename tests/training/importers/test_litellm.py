"""LiteLLM spend logs and callback payloads: what is mapped, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.support.importer_rows import ARMS, ASKED, calls, kinds, lines, outcome, payload, spend_log


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


def test_a_prompt_that_the_proxy_cut_is_refused(tmp_path: Path) -> None:
    cut = [{"role": "user", "content": "Hi ... (litellm_truncated 9000 chars)"}]
    (call,) = calls("litellm-spend-logs", lines(tmp_path / "a.jsonl", [spend_log(messages=cut)]), arms=ARMS)
    assert kinds([call]) == ["prompt cut off"]


def test_tokens_come_from_the_row_where_the_response_has_none(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [spend_log(response={"id": "x"}), spend_log(response={}, completion_tokens=0)])
    found = calls("litellm-spend-logs", path, arms=ARMS)
    assert kinds(found) == ["mapped", "no answer"]
    row = outcome(found[0])
    assert (row["input_tokens"], row["output_tokens"]) == (50, 900)


def test_usage_of_anthropic_counts_cached_tokens_as_input(tmp_path: Path) -> None:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 0, "output_tokens": 5}
    (call,) = calls("litellm-callbacks", lines(tmp_path / "a.jsonl", [payload(response={"usage": usage})]), arms=ARMS)
    assert (outcome(call)["input_tokens"], outcome(call)["cached_input_tokens"]) == (40, 30)
