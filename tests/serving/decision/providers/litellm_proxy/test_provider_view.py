"""Provider views: limits, forced tools, loops and stated efforts as the provider of a deployment will read them."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.providers.client_intent import body_in_tool_loop, client_effort, tool_loop_has_thinking
from serving.decision.providers.endpoints import Api
from serving.decision.providers.litellm_proxy.provider_view import (
    limit_key,
    provider_api,
    provider_view,
    view_limit,
)
from serving.decision.providers.litellm_proxy.proxy_call import Deployment

CLAUDE = Deployment("anthropic/claude-sonnet-4-5", "anthropic")
GEMINI = Deployment("gemini/gemini-2.5-pro", "gemini")
GPT = Deployment("openai/gpt-5.1", "openai")
VLLM = Deployment("hosted_vllm/openai/gpt-oss-120b", "hosted_vllm")
ROUTER = Deployment("openrouter/anthropic/claude-sonnet-4.5", "openrouter")


@pytest.mark.parametrize(
    ("api", "deployment", "expected"),
    [
        ("chat", GPT, "chat"),
        ("responses", GPT, "responses"),
        ("messages", GPT, "chat"),
        ("chat", CLAUDE, "messages"),
        ("responses", CLAUDE, "messages"),
        ("chat", Deployment("vertex_ai/claude-sonnet-4-5@20250929", "vertex_ai"), "messages"),
        ("chat", Deployment("vertex_ai/gemini-2.5-pro", "vertex_ai"), "gemini"),
        ("chat", GEMINI, "gemini"),
        ("chat", VLLM, "chat"),
        ("responses", VLLM, "chat"),
        ("chat", ROUTER, "openrouter"),
    ],
)
def test_the_provider_decides_on_the_form(api: Api, deployment: Deployment, expected: str) -> None:
    assert provider_api({}, api, deployment) == expected


@pytest.mark.parametrize(
    ("request_", "api", "deployment", "view_api", "key"),
    [
        ({"max_tokens": 9}, "chat", GPT, "chat", "max_completion_tokens"),
        ({"max_completion_tokens": 9}, "chat", GPT, "chat", "max_completion_tokens"),
        ({"max_tokens": 9}, "chat", VLLM, "chat", "max_tokens"),
        ({"max_tokens": 9}, "messages", GPT, "chat", "max_completion_tokens"),
        ({"max_completion_tokens": 9}, "chat", CLAUDE, "messages", "max_tokens"),
        ({"max_output_tokens": 9}, "responses", CLAUDE, "messages", "max_tokens"),
        ({"max_output_tokens": 9}, "responses", GPT, "responses", "max_output_tokens"),
        ({"max_tokens": 9}, "chat", ROUTER, "openrouter", "max_tokens"),
    ],
)
def test_the_limit_has_the_providers_name(
    request_: dict[str, Any], api: Api, deployment: Deployment, view_api: Api, key: str
) -> None:
    view = provider_view(request_, api, view_api, "m", deployment)
    assert view[key] == view_limit(view, view_api) == 9
    assert [name for name, value in view.items() if value == 9] == [key]
    assert limit_key(request_, api) in request_


def test_a_limit_for_gemini_stands_in_its_settings() -> None:
    view = provider_view({"max_tokens": 9, "temperature": 0.2}, "chat", "gemini", "m", GEMINI)
    assert view["generationConfig"] == {"maxOutputTokens": 9, "temperature": 0.2}
    assert view_limit(view, "gemini") == 9


@pytest.mark.parametrize(
    ("choice", "forced"),
    [("required", True), ({"type": "function", "function": {"name": "f"}}, True), ("auto", False), ("none", False)],
)
def test_a_forced_tool_is_seen(choice: Any, forced: bool) -> None:
    request: dict[str, Any] = {"tool_choice": choice, "messages": []}
    claude = provider_view(request, "chat", "messages", "m", CLAUDE)
    gemini = provider_view(request, "chat", "gemini", "m", GEMINI)
    assert (claude["tool_choice"] == {"type": "any"}) is forced
    assert ("toolConfig" in gemini) is forced


CHAT_LOOP = [
    {"role": "user", "content": "x"},
    {"role": "assistant", "content": None, "tool_calls": [{}]},
    {"role": "tool", "content": "4"},
]
ITEMS_LOOP = [
    {"role": "user", "content": "x"},
    {"type": "reasoning", "summary": []},
    {"type": "function_call", "name": "f"},
    {"type": "function_call_output", "output": "4"},
]


@pytest.mark.parametrize(("request_", "api"), [({"messages": CHAT_LOOP}, "chat"), ({"input": ITEMS_LOOP}, "responses")])
@pytest.mark.parametrize("view_api", ["messages", "gemini", "chat", "responses", "openrouter"])
def test_an_open_tool_loop_is_open_in_every_view(request_: dict[str, Any], api: Api, view_api: Api) -> None:
    assert body_in_tool_loop(provider_view(request_, api, view_api, "m", GPT), view_api)
    closed = {key: [*turns, {"role": "assistant", "content": "4"}] for key, turns in request_.items()}
    assert not body_in_tool_loop(provider_view(closed, api, view_api, "m", GPT), view_api)


def test_thinking_that_litellm_keeps_beside_a_turn_is_seen() -> None:
    turns = [{"role": "assistant", "content": "x", "thinking_blocks": [{"thinking": "-"}], "tool_calls": [{}]}]
    assert tool_loop_has_thinking(provider_view({"messages": turns}, "chat", "messages", "m", CLAUDE))


@pytest.mark.parametrize("view_api", ["messages", "gemini", "chat", "openrouter"])
@pytest.mark.parametrize("stated", [{"reasoning_effort": "low"}, {"reasoning_effort": {"effort": "low"}}])
def test_a_stated_effort_is_seen_in_every_view(stated: dict[str, Any], view_api: Api) -> None:
    view = provider_view({"messages": [], **stated}, "chat", view_api, "m", GPT)
    assert client_effort(view, view_api) == "low"


def test_a_text_of_responses_is_a_turn() -> None:
    assert provider_view({"input": "Hi"}, "responses", "messages", "m", CLAUDE)["messages"] == [
        {"role": "user", "content": "Hi"}
    ]
