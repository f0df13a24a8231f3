"""Providers' bodies as parsed requests: endpoint format, turns, the client's explicit effort, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.errors import BadRequest
from serving.decision.providers.client_intent import body_in_tool_loop
from serving.decision.providers.endpoints import API_NAMES, Endpoint, detect_api, parse_api_name, parse_path
from serving.decision.providers.gateway_headers import GATEWAY_HEADERS, GatewayHeaders, read_gateway_headers
from serving.decision.providers.request_body import parse_body
from serving.decision.providers.rewrite import apply_decision
from serving.decision.types import ArmEstimate, Caps, Decision, Message, Usd

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CHAT: dict[str, Any] = {
    "model": "gpt-5.1",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "sunny"},
    ],
    "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}],
}
RESPONSES: dict[str, Any] = {
    "model": "gpt-5.1",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}, {"type": "input_image"}]},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "sunny"},
    ],
    "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
}
ANTHROPIC: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 4000,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "image", "source": {}}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "sunny"}]},
    ],
    "tools": [{"name": "f", "input_schema": {}}, {"name": "g", "input_schema": {}}],
}
GEMINI: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Weather?"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]},
        {"role": "model", "parts": [{"text": "hm", "thought": True}, {"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"is": "sunny"}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}],
}
BODIES = {"chat": CHAT, "responses": RESPONSES, "messages": ANTHROPIC, "gemini": GEMINI}


@pytest.mark.parametrize("api", BODIES)
def test_the_same_conversation_reads_the_same_from_every_provider(api: Any) -> None:
    body = BODIES[api]
    before = copy.deepcopy(body)
    reading = parse_body(body, model="gemini-2.5-flash")
    said = "" if api == "gemini" else "sunny"  # Gemini's answers are objects: they count, they are not read
    assert reading.api == detect_api(body) == api
    assert reading.request.messages == (
        Message("system", "Be brief."),
        Message("user", "Weather?", images=1),
        Message("assistant", "", tool_calls=1),
        Message("tool", said),
    )
    assert reading.request.tools == 2
    assert reading.tool_loop
    assert reading.model == body.get("model", "gemini-2.5-flash")
    assert body == before


@pytest.mark.parametrize(
    ("body", "api"),
    [
        ({"messages": [], "reasoning": {"effort": "high"}}, "openrouter"),
        ({"messages": [], "model": "claude-opus-4-6", "max_tokens": 9}, "messages"),
        ({"messages": [], "model": "anthropic/claude-opus-4-6", "max_tokens": 9}, "chat"),
        ({"messages": [], "model": "m", "thinking": {"type": "enabled", "budget_tokens": 2000}}, "messages"),
        ({"messages": [], "model": "deepseek-chat", "thinking": {"type": "enabled"}}, "chat"),
        ({"messages": [], "stop_sequences": ["x"]}, "messages"),
        ({"messages": [], "system": "x", "response_format": {}}, "chat"),
        ({"input": "hi"}, "responses"),
        ({"contents": {}}, "gemini"),
    ],
)
def test_shapes_are_told_apart(body: dict[str, Any], api: str) -> None:
    assert detect_api(body) == api


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/chat/completions", Endpoint("chat", None)),
        ("/proxy/openai/v1/responses?x=1", Endpoint("responses", None)),
        ("/v1/messages", Endpoint("messages", None)),
        ("/v1/messages/count_tokens", None),
        ("/v1beta/models/gemini-3-pro-preview:streamGenerateContent", Endpoint("gemini", "gemini-3-pro-preview")),
        ("/v1beta/models/gemini-3-pro-preview:countTokens", None),
        ("/openai/deployments/mine/chat/completions?api-version=1", Endpoint("chat", "mine", "azure")),
        ("/v1/models", None),
    ],
)
def test_paths_name_their_endpoint(path: str, endpoint: Endpoint | None) -> None:
    assert parse_path(path) == endpoint


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "neither messages, input nor contents"),
        ({"messages": "hi"}, "neither"),
        ({"messages": []}, "empty"),
        ({"messages": [{"role": "robot", "content": "x"}]}, r"messages\[0\].role"),
        ({"messages": [7], "system": "x"}, r"messages\[0\]"),
        ({"input": 7}, "input must be a list"),
        ({"input": [7]}, r"input\[0\] must be an object"),
        ({"input": [{"type": "reasoning"}]}, "empty"),
        ({"contents": "x"}, "contents must be a list"),
        ({"contents": [7]}, r"contents\[0\] must be an object"),
        ({"contents": [{"parts": [{}]}]}, "empty"),
    ],
)
def test_what_holds_no_conversation_is_refused_by_place(body: dict[str, Any], word: str) -> None:
    with pytest.raises(BadRequest, match=word):
        parse_body(body)


def test_a_very_long_conversation_is_read_from_its_end() -> None:
    turns = [{"role": "user", "content": f"turn {place}"} for place in range(3000)]
    assert parse_body({"messages": turns}).request.messages[-1].text == "turn 2999"


def test_names_of_dialects() -> None:
    assert {parse_api_name(f" {name.upper()} ") for name in API_NAMES} == set(API_NAMES.values())
    with pytest.raises(BadRequest, match="openai-responses"):
        parse_api_name("smoke")


def test_hints_come_from_headers() -> None:
    headers = dict(zip(GATEWAY_HEADERS, ["acme", "s1", "maths", "3000", "0.5", "0.02"], strict=True))
    assert read_gateway_headers(headers) == GatewayHeaders("acme", "s1", "maths", 3000.0, Usd(0.5), Usd(0.02))
    assert read_gateway_headers({"x-other": "1"}) == GatewayHeaders()
    request = parse_body(CHAT, headers=read_gateway_headers(headers)).request
    assert (request.tenant, request.session_id, request.task, request.deadline_ms) == ("acme", "s1", "maths", 3000.0)


@pytest.mark.parametrize("bad", ["soon", "-1", "nan", "inf", "0"])
def test_a_hint_that_is_no_number_is_named(bad: str) -> None:
    with pytest.raises(BadRequest, match="x-thinkgate-deadline-ms"):
        read_gateway_headers({"x-thinkgate-deadline-ms": bad})


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["role", "content", "type", "text", "parts", "tool_calls", "output", "functionCall", "thought"]
    ) | st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip
LONG = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "role": st.sampled_from(["user", "assistant", "model", "tool"]) | ANY,
            "type": st.sampled_from(["message", "function_call", "function_call_output"]) | ANY,
            "content": ANY,
            "parts": ANY,
        },
    )
    | ANY,
    max_size=3,
)
TURNS = st.sampled_from(["messages", "input", "contents", "system", "tools", "model", "systemInstruction"])


@given(st.dictionaries(TURNS, LONG | ANY, max_size=4), st.sampled_from([None, *BODIES, "openrouter"]))
def test_anything_is_read_or_refused(body: dict[str, Any], api: Any) -> None:
    try:
        reading = parse_body(body, api)
    except BadRequest:
        return
    assert reading.request.messages
    assert reading.tool_loop == body_in_tool_loop(body, reading.api)


def decision(effort: Any, model: str = "gpt-5.1", weighed: bool = True) -> Decision:
    estimates = {"a": ArmEstimate(0.5, Usd(0.1), 10.0, 10.0)} if weighed else {}
    return Decision(
        "id", "a", model, effort, "use", 1.0, "", estimates, Caps(5000, 1, 9000), 1.0, None if weighed else "baseline",
        "b", "p", 1,
    )  # fmt: skip


def applied(body: dict[str, Any], told: Decision, **options: Any) -> Any:
    return apply_decision(body, parse_body(body), told, **options)


def test_a_decision_sets_effort_and_model() -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
    assert applied(body, decision("high")).body == {**body, "model": "gpt-5.1", "reasoning_effort": "high"}


def test_the_cap_of_a_decision_bounds_the_budget() -> None:
    body = {**ANTHROPIC, "messages": ANTHROPIC["messages"][:1], "max_tokens": 20_000}
    told = applied(body, decision("high", "claude-sonnet-4-5"))
    assert told.body["thinking"] == {"type": "enabled", "budget_tokens": 5000}


def test_a_weighed_decision_caps_the_client_and_a_fallback_does_not() -> None:
    body = {"model": "gpt-5.1", "messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "high"}
    assert applied(body, decision("low")).body["reasoning_effort"] == "low"
    assert applied(body, decision("none", weighed=False)).body == body
    assert applied(body, decision("high")).note == "the client's explicit effort stands"


def test_a_loop_goes_on_only_where_its_beginning_is_remembered() -> None:
    assert applied(CHAT, decision("high")).body == CHAT
    assert applied(CHAT, decision("high"), continue_loop=True).body["reasoning_effort"] == "high"


def test_a_body_of_bedrock_is_read() -> None:
    body: dict[str, Any] = {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "What is this?"}, {"image": {"format": "png"}}]},
            {"role": "assistant", "content": [{"reasoningContent": {}}, {"toolUse": {"name": "see"}}]},
            {"role": "user", "content": [{"toolResult": {"content": [{"text": "a cat"}]}}]},
        ],
        "inferenceConfig": {"maxTokens": 100},
        "toolConfig": {"tools": [{"toolSpec": {"name": "see"}}]},
    }
    parsed = parse_body(body, model="us.amazon.nova-2-lite-v1:0", host="bedrock")
    assert (parsed.api, parsed.model, parsed.host) == ("converse", "us.amazon.nova-2-lite-v1:0", "bedrock")
    assert [turn.role for turn in parsed.request.messages] == ["system", "user", "assistant", "tool"]
    assert parsed.request.messages[1].text == "What is this?"
    assert parsed.request.messages[1].images == 1
    assert parsed.request.tools == 1
    assert parsed.tool_loop


def test_thoughts_in_a_body_of_cohere_are_not_read() -> None:
    body: dict[str, Any] = {
        "messages": [
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "So."}]},
        ]
    }
    assert [turn.text for turn in parse_body(body, "cohere").request.messages] == ["Why?", "So."]


@pytest.mark.parametrize("messages", [None, "hi", ["hi"], [{"role": "user", "content": 3}]])
@pytest.mark.parametrize("api", ["converse", "cohere"])
def test_malformed_bodies_of_both_are_refused(api: Any, messages: Any) -> None:
    with pytest.raises(BadRequest):
        parse_body({"messages": messages}, api)


@pytest.mark.parametrize(
    ("model", "is_open"),
    [
        ("gpt-5.1", True),
        ("gpt-oss-120b", True),
        ("grok-4.3", True),
        ("claude-opus-5", False),
        ("deepseek-v4-pro", False),
    ],
)
def test_a_loop_is_open_to_change_where_each_call_states_its_effort_anew(model: str, is_open: bool) -> None:
    turns = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "tool_calls": [{}]},
        {"role": "tool", "content": "4"},
    ]
    parsed = parse_body({"model": model, "messages": turns}, "chat")
    assert parsed.request.loop_is_open_to_change is is_open
    closed = parse_body({"model": model, "messages": turns[:1]}, "chat")
    assert not closed.request.loop_is_open_to_change
