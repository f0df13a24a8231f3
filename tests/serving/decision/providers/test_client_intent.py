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


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("chat", {"messages": [{"role": "user", "content": "2+2"}, {"role": "tool", "content": "4"}]}),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "4"}]}]}),
        ("responses", {"input": [{"type": "function_call_output", "output": "4"}]}),
        ("gemini", {"contents": [{"role": "user", "parts": [{"functionResponse": {"name": "add"}}]}]}),
    ],
)
def test_a_tool_result_at_the_end_opens_a_loop(api: Any, body: dict[str, Any]) -> None:
    assert body_in_tool_loop(body, api)


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("chat", {"messages": [{"role": "tool", "content": "4"}, {"role": "user", "content": "thanks"}]}),
        ("responses", {"input": "text"}),
        ("gemini", {"contents": []}),
        ("messages", {}),
    ],
)
def test_no_tool_result_at_the_end_is_no_loop(api: Any, body: dict[str, Any]) -> None:
    assert not body_in_tool_loop(body, api)


@pytest.mark.parametrize("kind", ["thinking", "redacted_thinking"])
def test_the_last_assistant_turn_tells_whether_a_loop_thinks(kind: str) -> None:
    thinking = {"role": "assistant", "content": [{"type": kind}, {"type": "tool_use"}]}
    plain = {"role": "assistant", "content": [{"type": "tool_use"}]}
    result = {"role": "user", "content": [{"type": "tool_result"}]}
    assert tool_loop_has_thinking({"messages": [plain, result, thinking, result]})
    assert not tool_loop_has_thinking({"messages": [thinking, result, plain, result]})
    assert not tool_loop_has_thinking({"messages": "none"})
