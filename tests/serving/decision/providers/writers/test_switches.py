"""Switches: one statement of an effort is left in a body, and neighbours in the same object stay."""

from __future__ import annotations

from typing import Any

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.writers.change import EffortChange
from serving.decision.providers.writers.switches import (
    enable_thinking,
    reasoning_enabled,
    template_argument,
    thinking_type,
)

ON_OFF = Capability("m", "thinking_type", ("none", "high"))


def test_a_template_keeps_its_other_arguments() -> None:
    body: dict[str, Any] = {"chat_template_kwargs": {"tools": 1, "thinking": True}}
    template_argument("chat_template_kwargs", "thinking", always_said=False)(body, EffortChange(ON_OFF, "none", None))
    assert body == {"chat_template_kwargs": {"tools": 1}}


def test_a_budget_is_capped_by_the_policy() -> None:
    capability = Capability("qwen", "enable_thinking", ("none", "high"), (1, 32_768))
    body: dict[str, Any] = {"reasoning_effort": "low"}
    enable_thinking(body, EffortChange(capability, "high", 3000))
    assert body == {"enable_thinking": True, "thinking_budget": 3000}


def test_no_effort_is_left_beside_a_switch_that_is_off() -> None:
    body: dict[str, Any] = {"reasoning": {"effort": "high", "max_tokens": 9}, "reasoning_effort": "high"}
    reasoning_enabled(body, EffortChange(ON_OFF, "none", None))
    assert body == {"reasoning": {"enabled": False}}


def test_whether_earlier_thoughts_are_kept_stays_the_clients() -> None:
    body: dict[str, Any] = {"thinking": {"type": "disabled", "clear_thinking": False}}
    thinking_type(body, EffortChange(ON_OFF, "high", None))
    assert body == {"thinking": {"type": "enabled", "clear_thinking": False}}
