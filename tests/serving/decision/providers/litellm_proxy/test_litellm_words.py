"""LiteLLM's words: exact where LiteLLM's translation is exact, and none where LiteLLM would refuse them."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.providers.endpoints import Api
from serving.decision.providers.litellm_proxy.litellm_words import say_effort, without_effort
from serving.decision.providers.litellm_proxy.proxy_call import Deployment
from serving.decision.types import Effort

ANY = Deployment("m", "openai")
BUDGET = {"type": "enabled", "budget_tokens": 2048}


def gemini(**config: Any) -> dict[str, Any]:
    return {"generationConfig": {"thinkingConfig": config}}


def said(api: Api, view_api: Api, changed: dict[str, Any], effort: Effort, deployment: Deployment = ANY) -> Any:
    new: dict[str, Any] = {}
    return new if say_effort(new, api, view_api, changed, deployment, effort) else None


@pytest.mark.parametrize(
    ("view_api", "changed", "effort", "expected"),
    [
        ("chat", {"reasoning_effort": "high", "max_tokens": 9}, "high", {"reasoning_effort": "high"}),
        ("chat", {"thinking": {"type": "disabled"}}, "none", {"thinking": {"type": "disabled"}}),
        (
            "chat",
            {"chat_template_kwargs": {"enable_thinking": False}},
            "none",
            {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
        ),
        ("responses", {"reasoning": {"effort": "high"}}, "high", {"reasoning_effort": "high"}),
        ("openrouter", {"reasoning": {"effort": "low"}}, "low", {"extra_body": {"reasoning": {"effort": "low"}}}),
        ("messages", {"thinking": BUDGET}, "low", {"thinking": BUDGET}),
        ("messages", {}, "none", {}),
        ("messages", {"thinking": {"type": "adaptive"}}, "max", {"reasoning_effort": "max"}),
        ("messages", {"thinking": {"type": "disabled"}}, "none", {"thinking": {"type": "disabled"}}),
        ("gemini", gemini(thinkingBudget=2048), "low", {"thinking": BUDGET}),
        (
            "gemini",
            gemini(thinkingBudget=0),
            "none",
            {"reasoning_effort": "none"},
        ),
        (
            "gemini",
            gemini(thinkingLevel="low"),
            "low",
            {"reasoning_effort": "low"},
        ),
    ],
)
def test_words_of_a_chat_call(view_api: Api, changed: dict[str, Any], effort: Effort, expected: Any) -> None:
    assert said("chat", view_api, changed, effort) == expected


def test_words_of_a_messages_call_for_another_provider() -> None:
    expected = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "none"}}
    assert said("messages", "chat", {"reasoning_effort": "none"}, "none") == expected
    assert said("messages", "gemini", {}, "none") == expected


def test_words_of_a_responses_call_for_another_provider() -> None:
    assert said("responses", "messages", {}, "high") == {"reasoning": {"effort": "high"}}
    assert said("responses", "gemini", {}, "none") == {"reasoning": {"effort": "none"}}


@pytest.mark.parametrize("api", ["messages", "responses"])
def test_a_servers_own_switch_has_no_words_outside_of_chat(api: Api) -> None:
    assert said(api, "chat", {"chat_template_kwargs": {"enable_thinking": True}}, "high") is None


@pytest.mark.parametrize(
    ("api", "view_api", "changed"),
    [
        ("chat", "chat", {"reasoning_effort": "none"}),
        ("chat", "responses", {}),
        ("chat", "gemini", {}),
        ("chat", "messages", {"thinking": {"type": "adaptive"}}),
        ("messages", "gemini", {}),
        ("responses", "messages", {}),
    ],
)
def test_what_litellm_would_refuse_is_not_said(api: Api, view_api: Api, changed: dict[str, Any]) -> None:
    few = Deployment("m", "openai", frozenset({"low"}))
    assert said(api, view_api, changed, "none", few) is None
    assert said(api, view_api, changed, "low", few) is not None or changed.get("reasoning_effort") == "none"


def test_a_thinking_that_litellm_does_not_take_goes_beside_or_nowhere() -> None:
    refuses = Deployment("m", "openai", thinking=False)
    on = {"thinking": {"type": "enabled"}}
    assert said("chat", "chat", on, "high", refuses) == {"extra_body": on}
    assert said("chat", "messages", {"thinking": BUDGET}, "low", refuses) is None


def test_a_request_without_its_efforts_keeps_the_rest_and_the_old_one_its_own() -> None:
    old: dict[str, Any] = {
        "model": "m",
        "reasoning_effort": "low",
        "thinking": {"type": "enabled"},
        "chat_template_kwargs": {"enable_thinking": True, "other": 1},
        "extra_body": {"reasoning": {"effort": "low"}, "kept": 1},
    }
    assert without_effort(old) == {"model": "m", "chat_template_kwargs": {"other": 1}, "extra_body": {"kept": 1}}
    assert old["extra_body"]["reasoning"] == {"effort": "low"}
    assert "extra_body" not in without_effort({"extra_body": {"reasoning": {}}})
