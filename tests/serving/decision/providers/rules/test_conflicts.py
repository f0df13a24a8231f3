"""Settings that providers refuse beside reasoning or on another model, and those that they accept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.rules.conflicts import Conflict, find_conflicts
from serving.decision.providers.rules.target import Target


def _target(model: str, effort: Any = "high", api: Any = "chat", *, moves: bool = False) -> Target:
    return Target(find_capability(model), model, api, effort, moves)


def _keys(
    body: dict[str, Any], model: str, effort: Any = "high", api: Any = "chat", *, moves: bool = False
) -> list[str]:
    return [conflict.key for conflict in find_conflicts(body, _target(model, effort, api, moves=moves))]


def test_openai_rejects_sampling_settings_that_are_not_neutral() -> None:
    body = {"temperature": 0.2, "top_p": 0.9, "presence_penalty": 1, "logprobs": True, "top_logprobs": 3}
    assert _keys(body, "gpt-5.1") == ["temperature", "top_p", "presence_penalty", "logprobs", "top_logprobs"]
    neutral = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "logit_bias": {}, "logprobs": False}
    assert _keys(neutral, "gpt-5.1") == []


def test_at_effort_none_openai_takes_them_from_5_1_on() -> None:
    assert _keys({"temperature": 0.2}, "gpt-5.1", "none") == []
    assert _keys({"temperature": 0.2}, "gpt-5-mini", "minimal") == ["temperature"]
    assert _keys({"temperature": 0.2, "top_k": 5}, "claude-sonnet-4-5", "none") == []


@pytest.mark.parametrize("model", ["claude-opus-4-8", "claude-opus-5", "claude-opus-5-5", "claude-haiku-5-5"])
@pytest.mark.parametrize("effort", ["none", "high"])
def test_claude_from_4_7_on_refuses_sampling_whatever_the_effort(model: str, effort: str) -> None:
    assert _keys({"temperature": 0.2}, model, effort, "messages") == ["temperature"]
    assert _keys({"temperature": 1}, model, effort, "messages") == []
    assert _keys({"top_p": 1}, model, effort, "messages") == ["top_p"]


def test_anthropic_takes_top_p_near_one_only() -> None:
    assert _keys({"top_p": 0.95}, "claude-sonnet-4-5") == []
    assert _keys({"top_p": 0.9}, "claude-sonnet-4-5") == ["top_p"]
    assert _keys({"top_k": 0, "temperature": 0}, "claude-opus-4-6") == ["temperature", "top_k"]
    both = {"temperature": 0.5, "top_p": 0.9}
    assert _keys(both, "claude-sonnet-4-5", "none", "messages", moves=True) == ["top_p"]
    assert _keys({"temperature": 1, "top_p": 0.95}, "claude-opus-4-6", "none", "messages") == ["top_p"]
    assert _keys({"temperature": 1, "top_p": 0.95}, "claude-opus-4-6", "high", "messages") == []


def test_forced_tools_and_begun_answers_can_not_be_dropped() -> None:
    target = _target("claude-sonnet-4-5", "low", "messages")
    forced = find_conflicts({"tool_choice": {"type": "tool", "name": "add"}}, target)
    assert forced == (Conflict("tool_choice", sampling=False),)
    begun = find_conflicts({"messages": [{"role": "assistant", "content": "{"}]}, target)
    assert begun == (Conflict("messages", sampling=False),)
    assert find_conflicts({"tool_choice": {"type": "auto"}}, target) == ()


def test_forced_tools_as_each_model_refuses_them() -> None:
    forced = {"tool_choice": {"type": "any"}}
    assert _keys(forced, "claude-opus-4-6", "high", "messages") == []
    assert _keys(forced, "claude-opus-5", "high", "messages") == []
    for effort in ("none", "high"):
        assert _keys(forced, "claude-sonnet-5-5", effort, "messages") == ["tool_choice"]
    assert _keys({"tool_choice": "required"}, "deepseek-v4-pro") == ["tool_choice"]
    assert _keys({"tool_choice": "required"}, "deepseek-v4-pro", "none") == []
    qwen = replace(find_capability("Qwen/Qwen3-32B"), switch="enable_thinking", forced_tools="not_while_thinking")
    named: dict[str, Any] = {"tool_choice": {"type": "function", "function": {"name": "f"}}, "stream": True}
    assert [c.key for c in find_conflicts(named, Target(qwen, "qwen3-32b", "chat", "high"))] == ["tool_choice"]


def test_qwen_at_dashscope_thinks_in_streams_and_not_in_json_mode() -> None:
    qwen = replace(find_capability("Qwen/Qwen3-32B"), switch="enable_thinking")
    body: dict[str, Any] = {"response_format": {"type": "json_object"}}
    assert [c.key for c in find_conflicts(body, Target(qwen, "qwen3-32b", "chat", "high"))] == [
        "response_format",
        "stream",
    ]
    assert find_conflicts(body, Target(qwen, "qwen3-32b", "chat", "none")) == ()
    assert find_conflicts({}, Target(qwen, "qwen3.6-plus", "chat", "high")) == ()


TOOLS = {"tools": [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]}


@pytest.mark.parametrize(
    ("model", "effort", "refused"),
    [
        ("gpt-5.1", "high", False),
        ("gpt-5.4", "high", True),
        ("gpt-5.4-mini", "low", True),
        ("gpt-5.4", "none", False),
        ("gpt-5.5", "medium", True),
        ("gpt-5.6-sol", "low", True),
        ("gpt-5.6-sol", "none", False),
        ("gpt-6-luna", "none", False),
        ("gpt-6-astra", "low", True),
    ],
)
def test_function_tools_beside_an_effort_at_chat(model: str, effort: str, refused: bool) -> None:
    assert _keys(TOOLS, model, effort) == (["tools"] if refused else [])
    assert _keys(TOOLS, model, effort, "responses") == []


@pytest.mark.parametrize(
    ("setting", "model", "refused"),
    [
        ({"stop": ["\n"]}, "o3", ["stop"]),
        ({"stop": ["\n"]}, "gpt-5.1", ["stop"]),
        ({"stop": None}, "o3", []),
        ({"verbosity": "low"}, "o3", ["verbosity"]),
        ({"verbosity": "low"}, "gpt-5.1", []),
        ({"verbosity": "low"}, "gpt-4o", ["verbosity"]),
        ({"verbosity": "medium"}, "gpt-4o", []),
        ({"text": {"verbosity": "high"}}, "o4-mini", ["verbosity"]),
        ({"parallel_tool_calls": False}, "o3", ["parallel_tool_calls"]),
        ({"prediction": {"type": "content", "content": "x"}}, "gpt-5", ["prediction"]),
        ({"logprobs": True}, "o3", ["logprobs"]),
        ({"presence_penalty": 0.5}, "gemini-3.7-flash", ["presence_penalty"]),
        ({"temperature": 0.2}, "gemini-3.7-flash", []),
        ({"messages": [{"role": "model"}, {"role": "assistant", "content": "{"}]}, "gemini-3.7-flash", ["messages"]),
        ({"stop": ["x"], "frequency_penalty": 1}, "grok-4.3", ["stop", "frequency_penalty"]),
        ({"service_tier": "flex"}, "gpt-4o", ["service_tier"]),
    ],
)
def test_settings_that_a_move_would_break(setting: dict[str, Any], model: str, refused: list[str]) -> None:
    effort = "low" if model == "o3" else "none"
    assert _keys(setting, model, effort, moves=True) == refused


@pytest.mark.parametrize("effort", ["none", "high"])
def test_kimi_fixes_temperature_with_thinking_and_without(effort: str) -> None:
    assert _keys({"temperature": 1}, "kimi-k2.6", effort) == ["temperature"]
    assert _keys({"top_p": 0.95}, "kimi-k2.5", effort) == ["top_p"]


def test_thinking_edits_need_thinking() -> None:
    edits = {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}}
    assert _keys(edits, "claude-opus-5", "none", "messages") == ["context_management"]
    assert _keys(edits, "claude-opus-5", "high", "messages") == []


def test_log_probabilities_beside_deepseeks_thinking() -> None:
    assert _keys({"logprobs": True, "top_logprobs": 2}, "deepseek-chat") == ["logprobs", "top_logprobs"]
    assert _keys({"logprobs": True}, "deepseek-chat", "none") == []


@pytest.mark.parametrize("model", ["Qwen/Qwen3-8B", "gemini-2.5-flash", "deepseek-chat"])
def test_other_providers_take_sampling_settings(model: str) -> None:
    assert _keys({"temperature": 0.2, "top_p": 0.5, "top_k": 3}, model) == []


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"inferenceConfig": {"temperature": 0.2, "topP": 0.5}}, ["temperature", "top_p"]),
        ({"toolConfig": {"tools": [], "toolChoice": {"tool": {"name": "f"}}}}, ["tool_choice"]),
        ({"additionalModelRequestFields": {"top_k": 5}}, ["top_k"]),
        ({"inferenceConfig": {"maxTokens": 9}, "toolConfig": {"toolChoice": {"auto": {}}}}, []),
    ],
)
def test_bedrock_keeps_settings_in_places_of_its_own(body: dict[str, Any], refused: list[str]) -> None:
    found = find_conflicts(body, _target("claude-sonnet-4-5", "high", "converse"))
    assert [conflict.key for conflict in found] == refused
    assert not any(conflict.sampling for conflict in found), "nested settings are not dropped"
