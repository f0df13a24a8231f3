"""Rows as other tools write them, and helpers that import them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.decision.types import Arm
from training.importers.base import ImportOptions, MappedRow, RefusedRow
from training.importers.catalog import SOURCES

ARMS = (Arm("direct", "gpt-5.1", "none"), Arm("reasoning", "gpt-5.1", "high"))

ASKED = [{"role": "user", "content": "What is 17 * 23?"}]

USAGE = {"prompt_tokens": 50, "completion_tokens": 900, "completion_tokens_details": {"reasoning_tokens": 700}}


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def calls(source: str, path: Path, **options: Any) -> list[MappedRow | RefusedRow]:
    return list(SOURCES[source](path, ImportOptions(**options)))


def outcome(call: MappedRow | RefusedRow) -> dict[str, Any]:
    assert isinstance(call, MappedRow), call
    return call.outcome.row()


def kinds(found: list[MappedRow | RefusedRow]) -> list[str]:
    return ["mapped" if isinstance(call, MappedRow) else call.kind for call in found]


def spend_log(**more: Any) -> dict[str, Any]:
    row = {
        "request_id": "r1", "call_type": "acompletion", "spend": 0.0091, "prompt_tokens": 50, "completion_tokens": 900,
        "startTime": "2026-01-05T10:00:00.000000+00:00", "endTime": "2026-01-05T10:00:02.500000+00:00",
        "model": "openai/gpt-5.1", "model_group": "gpt-5.1", "metadata": {"status": "success"}, "team_id": "search",
        "cache_hit": "False", "messages": ASKED, "response": {"usage": USAGE}, "session_id": "s", "status": "success",
        "proxy_server_request": {"model": "gpt-5.1", "reasoning_effort": "high", "messages": ASKED},
    }  # fmt: skip
    return row | more


def payload(**more: Any) -> dict[str, Any]:
    row = {
        "id": "p1",
        "call_type": "acompletion",
        "status": "success",
        "response_cost": 0.01,
        "startTime": 1_700_000_000.0,
        "endTime": 1_700_000_001.5,
        "model": "gpt-5.1",
        "model_group": "gpt-5.1",
        "messages": ASKED,
        "cache_hit": None,
        "response": {"usage": USAGE},
        "model_parameters": {"reasoning_effort": "none"},
        "metadata": {},
        "trace_id": "t",
    }
    return row | more


def observation(**more: Any) -> dict[str, Any]:
    row = {
        "id": "o1", "traceId": "t1", "type": "GENERATION", "name": "sums", "startTime": "2026-01-05T10:00:00Z",
        "endTime": "2026-01-05T10:00:03Z", "model": "gpt-5.1", "modelParameters": {"reasoning_effort": "high"},
        "input": ASKED, "output": "391", "costDetails": {"total": 0.02}, "level": "DEFAULT",
        "usageDetails": {"input": 40, "input_cached_tokens": 10, "output": 200, "output_reasoning_tokens": 700},
    }  # fmt: skip
    return row | more


def attribute(key: str, value: Any) -> dict[str, Any]:
    kind = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}[type(value)]
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def span(attrs: Mapping[str, Any], events: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    row = {
        "traceId": "a" * 32, "spanId": "b" * 16, "name": "chat gpt-5.1", "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000002000000000", "attributes": [attribute(*item) for item in attrs.items()],
        "events": events or [],
    }  # fmt: skip
    return row | more


CHAT = {
    "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5.1", "gen_ai.response.model": "gpt-5.1-2025-11-13",
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]),
    "gen_ai.usage.input_tokens": 50, "gen_ai.usage.cache_read.input_tokens": 10, "gen_ai.usage.output_tokens": 900,
    "gen_ai.usage.reasoning.output_tokens": 700, "gen_ai.conversation.id": "c",
}  # fmt: skip


def request(*spans: Any) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]}
