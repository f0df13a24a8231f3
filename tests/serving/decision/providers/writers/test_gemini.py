"""Gemini's `thinkingConfig`: one of level and budget, in the client's own spelling of the objects around it."""

from __future__ import annotations

from typing import Any

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.writers.change import EffortChange
from serving.decision.providers.writers.gemini import thinking_config

BUDGET = Capability("gemini", "gemini_budget", ("none", "low", "high"), (1, 24_576))


def test_thoughts_that_are_not_there_are_not_asked_for() -> None:
    body: dict[str, Any] = {"generationConfig": {"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "low"}}}
    thinking_config(body, EffortChange(BUDGET, "none", None))
    assert body == {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}


def test_the_clients_spelling_stays() -> None:
    body: dict[str, Any] = {"generation_config": {"max_output_tokens": 500}}
    thinking_config(body, EffortChange(BUDGET, "low", None))
    config = {"max_output_tokens": 2048 + 1024, "thinkingConfig": {"thinkingBudget": 2048}}
    assert body == {"generation_config": config}
