"""modelparams gives a model's parameters by endpoint: efforts, toggles, budgets, their defaults and conditions."""

from __future__ import annotations

from typing import Any

from training.capabilities.extract_modelparams import modelparams_facts
from training.capabilities.facts import Fact


def _read(provider: str, surface: str, *params: dict[str, Any], auth: str = "api_key") -> list[Fact]:
    entry = {"provider": provider, "authType": auth, "apiSurface": surface, "model": "m", "params": list(params)}
    return list(modelparams_facts([entry]))


def test_an_effort_with_none_can_be_off() -> None:
    values = ["none", "low", "high"]
    (fact,) = _read(
        "openai", "openai-chat-completions", {"path": "reasoning_effort", "values": values, "default": "none"}
    )
    assert (fact.endpoint, fact.efforts, fact.off, fact.default) == ("chat", ("low", "high"), True, "none")
    assert (fact.wire, fact.sampling) == ("reasoning_effort", "refused")


def test_a_toggle_with_a_budget() -> None:
    toggle = {"path": "extra_body.enable_thinking", "type": "boolean", "default": True}
    budget = {"path": "extra_body.thinking_budget", "type": "integer", "range": {"min": 1}}
    (fact,) = _read("alibaba", "openai-chat-completions", toggle, budget, {"path": "temperature"})
    assert (fact.efforts, fact.off, fact.default, fact.budget) == (None, True, "on", (1, -1))
    assert (fact.wire, fact.sampling) == ("extra_body.enable_thinking+extra_body.thinking_budget", "ok")


def test_thinking_that_is_disabled_by_default_and_excludes_temperature() -> None:
    kinds = {"path": "thinking.type", "type": "enum", "values": ["disabled", "enabled"], "default": "disabled"}
    warm = {"path": "temperature", "applicability": {"except": {"thinking.type": ["enabled"]}}}
    (fact,) = _read("anthropic", "anthropic-messages", kinds, warm)
    assert (fact.endpoint, fact.off, fact.default, fact.sampling) == ("messages", True, "off", "not_while_thinking")


def test_a_budget_from_zero_can_be_off_and_a_free_one_says_nothing() -> None:
    path = "generationConfig.thinkingConfig.thinkingBudget"
    (zero,) = _read("google", "google-generate-content", {"path": path, "range": {"min": 0, "max": 9}})
    (free,) = _read("google", "google-generate-content", {"path": path, "range": {"min": -1}, "default": -1})
    assert (zero.off, zero.budget) == (True, (0, 9))
    assert (free.off, free.default) == (None, "on")


def test_models_without_a_control_and_subscriptions_say_nothing() -> None:
    assert _read("openai", "openai-chat-completions", {"path": "temperature"}) == []
    effort = {"path": "reasoning_effort", "values": ["low"]}
    assert _read("google", "openai-chat-completions", effort, auth="subscription") == []
