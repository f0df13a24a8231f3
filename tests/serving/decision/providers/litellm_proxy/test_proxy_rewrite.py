"""Rewrites of a proxy's calls: the one rule set, in LiteLLM's words; the client's call is never made to fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.providers.json_patch import Body
from serving.decision.providers.litellm_proxy.proxy_call import ProxyCall, parse_proxy_call
from serving.decision.providers.litellm_proxy.proxy_rewrite import rewrite_proxy_call
from serving.decision.providers.request_body import parse_body
from serving.decision.providers.rewrite import Rewrite
from serving.decision.types import Arm, Decision, Effort, ReasoningSwitch
from tests.support.fakes import LengthDecider

GROUPS: dict[str, list[dict[str, Any]]] = {
    "gpt": [{"model": "openai/gpt-5.1"}],
    "azure": [{"model": "azure/chat-prod", "base_model": "azure/gpt-5.1"}],
    "both": [{"model": "openai/gpt-5.1"}, {"model": "azure/x", "base_model": "gpt-5.1"}],
    "mixed": [{"model": "openai/gpt-5.1"}, {"model": "anthropic/claude-sonnet-4-5"}],
    "claude": [{"model": "anthropic/claude-sonnet-4-5"}],
    "bedrock": [{"model": "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"}],
    "gemini": [{"model": "gemini/gemini-2.5-pro"}],
    "oss": [{"model": "hosted_vllm/openai/gpt-oss-120b"}],
    "unknown": [{"model": "openai/who-knows"}],
}


def call(group: str, call_type: str = "acompletion", **more: Any) -> ProxyCall:
    turns = [{"role": "user", "content": "Hi"}]
    said: dict[str, Any] = {"input": "Hi"} if "responses" in call_type else {"messages": turns}
    return parse_proxy_call({"call_type": call_type, "request": {"model": group, **said, **more}, "groups": GROUPS})


def decided(proxy_call: ProxyCall, effort: Effort, model: str | None = None) -> Decision:
    parsed = parse_body(proxy_call.request, proxy_call.api)
    decision = LengthDecider().decide(parsed.request)
    return replace(decision, model=model or proxy_call.group, effort=effort, estimates={})


def rewrite(proxy_call: ProxyCall, effort: Effort, model: str | None = None, **rules: bool) -> Rewrite:
    parsed = parse_body(proxy_call.request, proxy_call.api)
    return rewrite_proxy_call(proxy_call, parsed, decided(proxy_call, effort, model), **rules)


THINKING = {"type": "enabled", "budget_tokens": 16384}
FUNCTION = [{"type": "function", "function": {"name": "f"}}]


@pytest.mark.parametrize(
    ("group", "effort", "more", "merge", "not_applied"),
    [
        ("gpt", "high", {}, {"reasoning_effort": "high"}, ""),
        ("gpt", "high", {"temperature": 0.2}, {}, "conflict:temperature"),
        ("gpt", "high", {"logprobs": True, "top_logprobs": 2}, {}, "conflict:logprobs"),
        ("gpt", "high", {"n": 3}, {"reasoning_effort": "high"}, ""),
        ("gpt", "high", {"max_tokens": 1100}, {"reasoning_effort": "high", "max_tokens": 17484}, ""),
        ("azure", "none", {}, {"reasoning_effort": "none"}, ""),
        ("both", "high", {}, {"reasoning_effort": "high"}, ""),
        ("mixed", "high", {}, {}, "mixed_group"),
        ("claude", "high", {"max_tokens": 1000}, {"thinking": THINKING, "max_tokens": 17408}, ""),
        ("claude", "high", {"temperature": 0.2}, {}, "conflict:temperature"),
        ("claude", "high", {"tools": FUNCTION, "tool_choice": "required"}, {}, "conflict:tool_choice"),
        ("claude", "none", {"temperature": 0.2}, {}, ""),
        ("bedrock", "high", {}, {"thinking": THINKING}, ""),
        ("gemini", "none", {}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}, ""),
        ("oss", "none", {}, {"reasoning_effort": "low"}, ""),
        ("unknown", "high", {}, {}, "unknown_model"),
    ],
)
def test_the_table_of_calls(
    group: str, effort: Effort, more: dict[str, Any], merge: dict[str, Any], not_applied: str
) -> None:
    found = rewrite(call(group, **more), effort)
    assert found.merge == merge
    assert found.not_applied == not_applied
    assert found.model == group


@pytest.mark.parametrize(
    ("stated", "asked"),
    [
        ({"reasoning_effort": {"effort": "high", "summary": "auto"}}, "high"),
        ({"reasoning_effort": "auto"}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "low"),
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"extra_body": {"enable_thinking": False}}, "none"),
    ],
)
@pytest.mark.parametrize("group", ["gpt", "claude", "gemini", "oss"])
def test_a_clients_own_effort_stands(group: str, stated: dict[str, Any], asked: str) -> None:
    found = rewrite(call(group, **stated), "low")
    assert (found.merge, found.not_applied, found.effort) == ({}, "client", asked)


def test_a_policy_that_weighed_caps_a_clients_effort_in_one_word() -> None:
    proxy_call = call("claude", reasoning_effort="high", extra_body={"enable_thinking": True, "kept": 1})
    parsed = parse_body(proxy_call.request, "chat")
    decision = replace(decided(proxy_call, "none"), estimates=LengthDecider().decide(parsed.request).estimates)
    found = rewrite_proxy_call(proxy_call, parsed, decision)
    assert found.merge == {"reasoning_effort": None, "extra_body": {"enable_thinking": None}}


def test_a_call_moves_to_the_group_of_the_decided_model() -> None:
    found = rewrite(call("gpt", max_tokens=500), "high", "claude")
    assert found.merge == {"model": "claude", "thinking": THINKING, "max_tokens": 17408}
    assert found.model == "claude"


def test_a_moved_call_loses_the_efforts_that_it_had() -> None:
    found = rewrite(call("claude", thinking=THINKING, max_tokens=40000), "none", "gpt")
    assert found.merge == {"model": "gpt", "thinking": None, "reasoning_effort": "high"}


def test_a_model_behind_the_clients_own_group_moves_nothing() -> None:
    assert rewrite(call("azure"), "high", "gpt-5.1").merge == {"reasoning_effort": "high"}


def test_a_model_behind_another_group_moves_the_call_there() -> None:
    assert rewrite(call("azure"), "none", "claude-sonnet-4-5").merge == {"model": "claude"}


def test_another_name_of_the_arms_model_is_its_group() -> None:
    """An Azure deployment that only `[[alias]]` explains."""
    arm = Arm("reasoning", "gpt-5.1", "high", aliases=("prod", "azure/prod"))
    groups = {"prod": [{"model": "azure/prod"}], "gpt-5.1": [{"model": "openai/gpt-5.1"}]}
    for group in groups:
        turns = [{"role": "user", "content": "Hi"}]
        envelope = {"call_type": "acompletion", "request": {"model": group, "messages": turns}, "groups": groups}
        proxy_call = parse_proxy_call(envelope)
        decision = decided(proxy_call, "high", "gpt-5.1")
        found = rewrite_proxy_call(proxy_call, parse_body(proxy_call.request, "chat"), decision, arm=arm)
        assert (found.merge, found.model) == ({"reasoning_effort": "high"}, "gpt-5.1")


def test_a_switch_of_the_operators_own_is_written_for_the_arms_group() -> None:
    switch = ReasoningSwitch((("off", ()), ("on", (("chat_template_kwargs.reason", True),))))
    arm = Arm("reasoning", "oss", "high", reasoning=switch)
    proxy_call = call("oss", max_tokens=4000)
    found = rewrite_proxy_call(
        proxy_call, parse_body(proxy_call.request, "chat"), decided(proxy_call, "high", "oss"), arm=arm
    )
    assert found.merge == {"extra_body": {"chat_template_kwargs": {"reason": True}}}


def test_a_model_that_is_not_deployed_moves_nothing() -> None:
    found = rewrite(call("gpt"), "high", "elsewhere")
    assert (found.merge, found.not_applied, found.model) == ({}, "not_deployed", "gpt")


def test_what_litellm_does_not_take_is_not_set() -> None:
    proxy_call = parse_proxy_call(
        {
            "call_type": "acompletion",
            "request": {"model": "g", "messages": [{"role": "user", "content": "Hi"}]},
            "groups": {"g": [{"model": "azure/g", "base_model": "gpt-5.1", "efforts": []}]},
        }
    )
    found = rewrite(proxy_call, "high")
    assert (found.merge, found.not_applied, found.effort) == ({}, "no_words", None)


def test_an_open_tool_loop_is_left_alone() -> None:
    loop = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": None, "tool_calls": [{}]},
        {"role": "tool", "content": "4"},
    ]
    for group in ("gpt", "claude", "gemini"):
        assert rewrite(call(group, messages=loop), "high").not_applied == "tool_loop"
    assert rewrite(call("gpt", messages=loop), "high", continue_loop=True).merge == {"reasoning_effort": "high"}


def test_sampling_goes_where_the_operator_says_so() -> None:
    found = rewrite(call("claude", temperature=0.2), "high", drop_sampling=True)
    assert found.merge == {"temperature": None, "thinking": THINKING}


@pytest.mark.parametrize(
    ("group", "effort", "merge"),
    [
        ("claude", "high", {"thinking": THINKING, "max_tokens": 17408}),
        ("claude", "none", {}),
        ("gpt", "none", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "none"}}),
        (
            "gpt",
            "high",
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}, "max_tokens": 17408},
        ),
    ],
)
def test_calls_of_messages(group: str, effort: Effort, merge: dict[str, Any]) -> None:
    assert rewrite(call(group, "anthropic_messages", max_tokens=1000), effort).merge == merge


@pytest.mark.parametrize(
    ("group", "effort", "merge"),
    [
        ("gpt", "none", {"reasoning": {"effort": "none"}}),
        ("claude", "high", {"reasoning": {"effort": "high"}, "max_output_tokens": 17408}),
        ("oss", "none", {"reasoning": {"effort": "low"}}),
    ],
)
def test_calls_of_responses(group: str, effort: Effort, merge: dict[str, Any]) -> None:
    assert rewrite(call(group, "aresponses", max_output_tokens=1000), effort).merge == merge


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    "reasoning_effort thinking max_tokens temperature tool_choice tools extra_body reasoning output_config".split()
)


@settings(max_examples=150, deadline=None)
@given(
    group=st.sampled_from(sorted(GROUPS)),
    effort=st.sampled_from(["none", "low", "high"]),
    call_type=st.sampled_from(["acompletion", "anthropic_messages", "aresponses"]),
    odd=st.dictionaries(KEYS, ODD, max_size=4),
)
def test_odd_parameters_never_raise_and_the_request_is_not_modified(
    group: str, effort: Effort, call_type: str, odd: Body
) -> None:
    proxy_call = call(group, call_type, **odd)
    before = repr(proxy_call.request)
    found = rewrite(proxy_call, effort)
    assert repr(proxy_call.request) == before
    assert {name for name in found.merge if found.merge[name] is not None} <= found.body.keys()
