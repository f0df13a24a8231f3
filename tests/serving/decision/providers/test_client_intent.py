"""A client's own effort in every provider's words, and open tool loops in every endpoint format."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.providers.client_intent import body_in_tool_loop, client_effort, tool_loop_has_thinking
from serving.decision.types import Effort


@pytest.mark.parametrize(
    ("api", "body", "effort"),
    [
        ("chat", {"reasoning_effort": "minimal"}, "minimal"),
        ("responses", {"reasoning": {"effort": "high"}}, "high"),
        ("openrouter", {"reasoning": {"enabled": False}}, "none"),
        ("openrouter", {"reasoning": {"max_tokens": 2000}}, "low"),
        ("messages", {"output_config": {"effort": "max"}}, "max"),
        ("messages", {"thinking": {"type": "enabled", "budget_tokens": 16_384}}, "high"),
        ("messages", {"thinking": {"type": "adaptive"}}, "high"),
        ("messages", {"thinking": {"type": "disabled"}}, "none"),
        ("chat", {"chat_template_kwargs": {"enable_thinking": False}}, "none"),
        ("chat", {"chat_template_kwargs": {"thinking": True}}, "high"),
        ("gemini", {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}, "low"),
        ("gemini", {"generation_config": {"thinking_config": {"thinking_budget": 0}}}, "none"),
        ("gemini", {"generationConfig": {"thinkingConfig": {"thinkingBudget": -1}}}, "high"),
    ],
)
def test_explicit_effort_is_read(api: Any, body: dict[str, Any], effort: Effort) -> None:
    assert client_effort(body, api) == effort


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reasoning_effort": None},
        {"reasoning_effort": "a lot"},
        {"reasoning": "high"},
        {"thinking": {"budget_tokens": True}},
        {"chat_template_kwargs": {"enable_thinking": "yes"}},
    ],
)
def test_what_is_no_effort_leaves_it_open(body: dict[str, Any]) -> None:
    assert client_effort(body, "chat") is None
    assert client_effort(body, "gemini") is None


_ASK = {"role": "user", "content": "2+2"}
_REMINDER = {"role": "user", "content": "<system-reminder>Be brief.</system-reminder>"}
_LOOP = [_ASK, {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]}, {"role": "tool", "content": "4"}]
_RESULT = {"role": "user", "parts": [{"functionResponse": {"name": "add"}}]}
_CLAUDE = [
    _ASK,
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t"}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "4"}]},
]


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("chat", {"messages": [*_LOOP, _REMINDER]}),
        ("chat", {"messages": [*_LOOP, {"role": "developer", "content": "Be brief."}, _REMINDER]}),
        ("chat", {"messages": _LOOP[:2]}),
        ("messages", {"messages": [*_CLAUDE, {"role": "system", "content": "Be brief."}]}),
        ("messages", {"messages": [*_CLAUDE, _REMINDER]}),
        ("responses", {"input": [{"type": "function_call_output"}, {"role": "user", "content": "Be brief."}]}),
        ("responses", {"input": [{"type": "custom_tool_call"}, {"type": "reasoning"}]}),
        (
            "gemini",
            {"contents": [{"role": "user", "parts": [{"functionResponse": {}}]}, {"role": "user", "parts": []}]},
        ),
        ("chat", {"messages": [{"role": "user", "content": "2+2"}, {"role": "tool", "content": "4"}]}),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "4"}]}]}),
        ("responses", {"input": [{"type": "function_call_output", "output": "4"}]}),
        ("gemini", {"contents": [{"role": "user", "parts": [{"functionResponse": {"name": "add"}}]}]}),
    ],
)
def test_a_tool_result_opens_a_loop(api: Any, body: dict[str, Any]) -> None:
    assert body_in_tool_loop(body, api)


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("chat", {"messages": [{"role": "tool", "content": "4"}, {"role": "assistant", "content": "Four."}]}),
        (
            "chat",
            {"messages": [*_LOOP, {"role": "assistant", "content": "Four."}, {"role": "user", "content": "Why?"}]},
        ),
        ("messages", {"messages": [*_CLAUDE, {"role": "assistant", "content": [{"type": "text", "text": "Four."}]}]}),
        ("messages", {"messages": [{"role": "assistant", "content": [{"type": "server_tool_use"}]}, _ASK]}),
        ("responses", {"input": [{"type": "function_call_output"}, {"type": "message", "role": "assistant"}]}),
        ("responses", {"input": [{"type": "web_search_call"}, {"role": "user", "content": "Why?"}]}),
        (
            "gemini",
            {"contents": [{"role": "user", "parts": [{"functionResponse": {}}]}, {"role": "model", "parts": []}]},
        ),
        ("responses", {"input": "text"}),
        ("gemini", {"contents": []}),
        ("messages", {}),
    ],
)
def test_an_answer_closes_the_loop(api: Any, body: dict[str, Any]) -> None:
    assert not body_in_tool_loop(body, api)


@pytest.mark.parametrize("kind", ["thinking", "redacted_thinking"])
def test_the_last_assistant_turn_tells_whether_a_loop_thinks(kind: str) -> None:
    thinking = {"role": "assistant", "content": [{"type": kind}, {"type": "tool_use"}]}
    plain = {"role": "assistant", "content": [{"type": "tool_use"}]}
    result = {"role": "user", "content": [{"type": "tool_result"}]}
    assert tool_loop_has_thinking({"messages": [plain, result, thinking, result]})
    assert not tool_loop_has_thinking({"messages": [thinking, result, plain, result]})
    assert not tool_loop_has_thinking({"messages": "none"})


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "low"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max"),
        ({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}, "medium"),
        ({"reasoningConfig": {"type": "disabled"}}, "none"),
        ({"top_k": 3}, None),
        (None, None),
    ],
)
def test_bedrock_states_an_effort_among_its_additional_fields(fields: Any, effort: str | None) -> None:
    assert client_effort({"messages": [], "additionalModelRequestFields": fields}, "converse") == effort


def test_a_tool_loop_of_bedrock_is_seen() -> None:
    call = {"role": "assistant", "content": [{"toolUse": {"name": "f", "toolUseId": "t"}}]}
    result = {"role": "user", "content": [{"toolResult": {"toolUseId": "t"}}]}
    assert body_in_tool_loop({"messages": [call, result]}, "converse")
    assert not body_in_tool_loop({"messages": [result, {"role": "assistant", "content": [{"text": "4"}]}]}, "converse")
