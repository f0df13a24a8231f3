"""Writing an effort: budgets within model and policy, room for the answer, and nothing left of other switches."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from serving.decision.providers.capabilities import UNKNOWN, Capability, Switch, find_capability
from serving.decision.providers.effort_writers import (
    EffortChange,
    child_object,
    has_switch,
    narrow,
    strip_effort,
    write_effort,
)
from serving.decision.providers.endpoints import API_NAMES
from tests.support.wire_recipes import RECIPES, Recipe


def _written(body: dict[str, Any], api: Any, model: str, effort: Any, **more: Any) -> dict[str, Any]:
    assert write_effort(
        body, api, EffortChange(find_capability(model), effort, more.get("cap"), more.get("is_explicit", False))
    )
    return body


def test_a_budget_stays_within_the_model_and_the_policys_cap() -> None:
    flash = find_capability("gemini-2.5-flash-lite")
    assert EffortChange(flash, "max", None).budget == 24_576
    assert EffortChange(flash, "high", 2000).budget == 2000
    assert EffortChange(flash, "high", 10).budget == 512


def test_room_is_made_for_the_answer() -> None:
    body = _written({"max_tokens": 500}, "messages", "claude-sonnet-4-5", "high")
    assert body["max_tokens"] - body["thinking"]["budget_tokens"] >= 500
    assert body["thinking"]["type"] == "enabled"


def test_adaptive_thinking_carries_no_budget() -> None:
    body = _written({"thinking": {"type": "enabled", "budget_tokens": 9}}, "messages", "claude-opus-4-6", "low")
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"] == {"effort": "low"}


def test_off_is_left_out_where_leaving_out_says_it() -> None:
    off = _written({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "messages", "claude-sonnet-4-5", "none")
    assert "thinking" not in off
    said = _written({}, "messages", "claude-sonnet-4-5", "none", is_explicit=True)
    assert said["thinking"] == {"type": "disabled"}


def test_gemini_gets_one_of_level_and_budget() -> None:
    both = {"generationConfig": {"thinkingConfig": {"thinkingLevel": "high", "thinkingBudget": 1}}}
    body = _written(both, "gemini", "gemini-3-pro", "low")
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "low"}


def test_a_model_without_a_switch_is_left_alone() -> None:
    body: dict[str, Any] = {"messages": []}
    assert not write_effort(body, "chat", EffortChange(UNKNOWN, "none", None))
    assert body == {"messages": []}
    assert not has_switch(find_capability("gpt-5.1"), "gemini")
    assert has_switch(find_capability("gpt-5.1"), "openrouter")


def test_strip_removes_every_switch_and_nothing_else() -> None:
    body: dict[str, Any] = {
        "model": "m", "temperature": 0.2, "reasoning_effort": "low", "reasoning": {}, "thinking": {},
        "chat_template_kwargs": {"enable_thinking": True, "tools": 1}, "output_config": {"effort": "low"},
    }  # fmt: skip
    strip_effort(body)
    assert body == {"model": "m", "temperature": 0.2, "chat_template_kwargs": {"tools": 1}}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.switch}-{recipe.api}-{recipe.effort}")
def test_recipe(recipe: Recipe) -> None:
    body = copy.deepcopy(recipe.body)
    change = EffortChange(recipe.capability, recipe.effort, None)
    assert write_effort(body, recipe.api, change)
    assert body == recipe.expect
    again = copy.deepcopy(body)
    write_effort(again, recipe.api, change)
    assert again == body


@pytest.mark.parametrize("switch", sorted({recipe.switch for recipe in RECIPES}))
def test_on_and_off_are_told_apart_wherever_a_switch_is(switch: Switch) -> None:
    capability = Capability("some-model", switch, ("none", "high"), default="high")
    for api in API_NAMES.values():
        on: dict[str, Any] = {}
        off: dict[str, Any] = {}
        if write_effort(on, api, EffortChange(capability, "high", None)):
            write_effort(off, api, EffortChange(capability, "none", None))
            assert on != off


def test_claude_has_no_effort_in_words_at_chat_completions() -> None:
    opus = find_capability("claude-opus-4-6")
    assert narrow(opus, "chat").efforts == ("none", "high")
    assert narrow(opus, "messages") == opus


@pytest.mark.parametrize(("body", "name"), [({"b": {"x": 1}}, "b"), ({}, "a"), ({"a": "text"}, "a")])
def test_child_object_is_found_or_made(body: dict[str, Any], name: str) -> None:
    child = child_object(body, "a", "b")
    child["y"] = 2
    assert body[name]["y"] == 2
