"""Efforts in words: what else is taken out of the body with them, and which limit counts hidden tokens."""

from __future__ import annotations

from typing import Any

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.writers.change import EffortChange
from serving.decision.providers.writers.effort_words import gemini_chat, plain_effort, reasoning_object

MODEL = Capability("some-model", "plain_effort", ("none", "low", "high"))


def test_off_is_said_in_the_hosts_word() -> None:
    body: dict[str, Any] = {}
    plain_effort(body, EffortChange(Capability("m", "plain_effort", ("none", "high"), off_word="off"), "none", None))
    assert body == {"reasoning_effort": "off"}


def test_googles_own_form_gives_way_and_its_neighbours_stay() -> None:
    google = {"thinking_config": {"thinking_budget": 9}, "cached_content": "c"}
    body: dict[str, Any] = {"extra_body": {"google": google, "x": 1}}
    gemini_chat(body, EffortChange(MODEL, "low", None))
    assert body == {"extra_body": {"google": {"cached_content": "c"}, "x": 1}, "reasoning_effort": "low"}
    assert "thinking_config" in google


def test_a_cap_on_reasoning_becomes_a_budget_where_the_model_has_one() -> None:
    capability = Capability("m", "reasoning_object", ("none", "low", "high"), (1024, 32_000))
    body: dict[str, Any] = {"reasoning": {"exclude": True, "effort": "high"}}
    reasoning_object(body, EffortChange(capability, "high", 4000))
    assert body == {"reasoning": {"exclude": True, "max_tokens": 4000}}
