"""Settings that providers reject beside reasoning, and those that they accept."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.conflicts import Conflict, find_conflicts

OPENAI, CLAUDE = find_capability("gpt-5.1"), find_capability("claude-sonnet-4-5")


def _keys(body: dict[str, Any], model: str, effort: Any = "high") -> list[str]:
    return [conflict.key for conflict in find_conflicts(body, find_capability(model), effort)]


def test_openai_rejects_sampling_settings_that_are_not_neutral() -> None:
    body = {"temperature": 0.2, "top_p": 0.9, "presence_penalty": 1, "logprobs": True, "top_logprobs": 3}
    assert _keys(body, "gpt-5.1") == ["temperature", "top_p", "presence_penalty", "logprobs", "top_logprobs"]
    neutral = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "logit_bias": {}, "logprobs": False}
    assert _keys(neutral, "gpt-5.1") == []


def test_nothing_conflicts_with_no_reasoning() -> None:
    assert _keys({"temperature": 0.2}, "gpt-5.1", "none") == []
    assert _keys({"temperature": 0.2, "top_k": 5}, "claude-sonnet-4-5", "none") == []


def test_anthropic_takes_top_p_near_one_only() -> None:
    assert _keys({"top_p": 0.95}, "claude-sonnet-4-5") == []
    assert _keys({"top_p": 0.9}, "claude-sonnet-4-5") == ["top_p"]
    assert _keys({"top_k": 0, "temperature": 0}, "claude-opus-4-6") == ["temperature", "top_k"]


def test_forced_tools_and_begun_answers_can_not_be_dropped() -> None:
    forced = find_conflicts({"tool_choice": {"type": "tool", "name": "add"}}, CLAUDE, "low")
    assert forced == (Conflict("tool_choice", sampling=False),)
    begun = find_conflicts({"messages": [{"role": "assistant", "content": "{"}]}, CLAUDE, "low")
    assert begun == (Conflict("messages", sampling=False),)
    assert find_conflicts({"tool_choice": {"type": "auto"}}, CLAUDE, "low") == ()


@pytest.mark.parametrize("model", ["Qwen/Qwen3-8B", "gemini-2.5-flash", "deepseek-chat"])
def test_other_providers_take_sampling_settings(model: str) -> None:
    assert _keys({"temperature": 0.2, "top_p": 0.5, "top_k": 3}, model) == []
