"""Anthropic's words: the budget stays below the limit, and what the client said beside them stays."""

from __future__ import annotations

from typing import Any

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.writers.anthropic import chat_adaptive, messages_adaptive, messages_thinking
from serving.decision.providers.writers.change import EffortChange

GLM = Capability("glm", "thinking_type", ("none", "high"))
CLAUDE = Capability("claude", "anthropic_adaptive", ("none", "low", "high"))


def test_the_budget_of_other_makers_leaves_room_for_the_answer() -> None:
    body: dict[str, Any] = {"max_tokens": 500}
    messages_thinking(body, EffortChange(GLM, "high", None))
    assert body["max_tokens"] - body["thinking"]["budget_tokens"] >= 500


def test_how_thoughts_are_shown_stays_the_clients() -> None:
    body: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 9, "display": "omitted"}}
    messages_adaptive(body, EffortChange(CLAUDE, "low", None))
    assert body == {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "low"}}


def test_off_takes_the_effort_away_and_keeps_the_format() -> None:
    body: dict[str, Any] = {"output_config": {"effort": "low", "format": {"type": "json_schema"}}}
    messages_adaptive(body, EffortChange(CLAUDE, "none", None))
    assert body == {"output_config": {"format": {"type": "json_schema"}}, "thinking": {"type": "disabled"}}


def test_chat_completions_get_no_output_config() -> None:
    body: dict[str, Any] = {"reasoning_effort": "low", "max_completion_tokens": 500}
    chat_adaptive(body, EffortChange(CLAUDE, "high", None))
    assert body == {"thinking": {"type": "adaptive"}, "max_completion_tokens": 16_384 + 1024}
