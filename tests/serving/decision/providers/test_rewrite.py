"""Dialects: golden bodies per provider, and what must hold for any body."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.errors import BadRequest
from serving.decision.providers import NOT_APPLIED
from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.client_intent import client_effort
from serving.decision.providers.effort_writers import _WRITERS
from serving.decision.providers.endpoints import Api
from serving.decision.providers.rewrite import RewriteOptions, rewrite_effort
from serving.decision.types import EFFORTS
from tests.support.wire_recipes import RECIPES

GOLDEN = Path(__file__).parents[3] / "golden" / "dialects"
CASES = [
    pytest.param(golden["api"], case, id=f"{path.stem}-{case['name']}")
    for path in sorted(GOLDEN.glob("*.json"))
    for golden in [json.loads(path.read_text("utf-8"))]
    for case in golden["cases"]
]
GATEWAY_CASES = json.loads((GOLDEN.parent / "gateway_cases.json").read_text("utf-8"))
OPTIONS = ("max_reasoning_tokens", "override_client", "continue_loop", "drop_sampling")
MODELS = [
    "gpt-5.1", "gpt-5-mini", "o3", "gpt-4o", "claude-sonnet-4-5", "claude-opus-4-6", "gemini-2.5-flash",
    "gemini-3-pro", "Qwen/Qwen3-8B", "deepseek-ai/DeepSeek-V3.1", "deepseek-chat", "gpt-oss-20b", "llama-4", "gpt-5.2",
]  # fmt: skip
APIS = ["chat", "responses", "messages", "gemini", "openrouter"]
OURS = {
    "model", "reasoning_effort", "reasoning", "thinking", "output_config", "generationConfig", "generation_config",
    "chat_template_kwargs", "max_tokens", "max_completion_tokens", "max_output_tokens", "include",
}  # fmt: skip
OFF: list[dict[str, Any]] = [
    {"reasoning_effort": "none"},
    {"reasoning": {"effort": "none"}},
    {"reasoning": {"enabled": False}},
    {"thinking": {"type": "disabled"}},
    {"thinking": {"budget_tokens": 0}},
    {"output_config": {"effort": "none"}},
    {"chat_template_kwargs": {"enable_thinking": False}},
    {"reasoning_effort": "disable"},
    {"enable_thinking": False},
    {"think": False},
    {"reasoning_budget": 0},
    {"extra_body": {"enable_thinking": False}},
    {"chat_template_kwargs": {"thinking": False}},
    {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
]
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner))
keys = st.sampled_from([*sorted(OURS - {"model"}), "messages", "temperature", "top_p", "top_k", "tool_choice", "x"])
switches = st.one_of(
    st.fixed_dictionaries({}, optional={"reasoning_effort": st.sampled_from(EFFORTS)}),
    st.fixed_dictionaries({"thinking": st.fixed_dictionaries({"type": st.sampled_from(["enabled", "disabled"])})}),
    st.fixed_dictionaries({"thinking": st.fixed_dictionaries({"budget_tokens": st.integers(-1, 40_000)})}),
    st.fixed_dictionaries({"reasoning": st.fixed_dictionaries({"effort": st.sampled_from(EFFORTS)})}),
    st.fixed_dictionaries({"reasoning": st.fixed_dictionaries({"enabled": st.booleans()})}),
    st.fixed_dictionaries({"output_config": st.fixed_dictionaries({"effort": st.sampled_from(EFFORTS)})}),
    st.fixed_dictionaries(
        {
            "chat_template_kwargs": st.dictionaries(
                st.sampled_from(["thinking", "enable_thinking"]), st.booleans(), min_size=1
            )
        }
    ),
    st.fixed_dictionaries(
        {"generationConfig": st.fixed_dictionaries({"thinkingConfig": st.just({"thinkingBudget": 0})})}
    ),
    st.fixed_dictionaries({"max_tokens": st.integers(1, 40_000), "temperature": st.sampled_from([0.2, 1])}),
    st.fixed_dictionaries({"generationConfig": st.fixed_dictionaries({"maxOutputTokens": st.integers(1, 40_000)})}),
)
bodies = st.builds(
    lambda body, *said: {**body, **said[0], **said[1]},
    st.dictionaries(keys | st.text(max_size=6), values, max_size=6),
    switches,
    switches,
)


def run(api: str, case: dict[str, Any]) -> Any:
    options = RewriteOptions(**{name: case[name] for name in OPTIONS if name in case})
    return rewrite_effort(case["body"], api, case["effort"], model=case.get("model"), options=options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("api", "case"), CASES)
def test_golden(api: str, case: dict[str, Any]) -> None:
    before = copy.deepcopy(case["body"])
    result = run(api, case)
    assert result.body == case["expect"]
    assert case["body"] == before
    assert apply_merge(before, result.merge) == result.body
    assert apply_patch(before, [op.to_json() for op in result.patch]) == result.body


@pytest.mark.parametrize("case", GATEWAY_CASES, ids=lambda case: str(case["name"]))
def test_calls_that_rewrites_used_to_break(case: dict[str, Any]) -> None:
    """Kinds of fault that people who run gateways have reported, each with what is done instead and its code."""
    result = run(case["api"], case)
    assert result.not_applied == case["not_applied"]
    assert result.merge == case["merge"]
    assert bool(result.note) or not case["not_applied"]
    assert result.not_applied == "" or result.not_applied in NOT_APPLIED


turns = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "role": st.sampled_from(["user", "assistant", "tool", "model", "system"]) | leaves,
            "content": values,
            "parts": values,
            "type": st.sampled_from(["reasoning", "function_call", "function_call_output"]) | leaves,
            "tool_calls": values,
            "reasoning_details": values,
        },
    )
    | values,
    max_size=3,
)
ODD_KEYS = (
    "additionalModelRequestFields", "audio", "context_management", "extra_body", "function_call", "functions",
    "generationConfig", "include", "inferenceConfig", "logprobs", "max_completion_tokens", "max_output_tokens",
    "max_tokens", "modalities", "model", "n", "output_config", "p", "parallel_tool_calls", "prediction", "reasoning",
    "response_format", "service_tier", "stop", "stream", "temperature", "text", "thinking", "toolConfig", "tool_choice",
    "tools", "top_k", "top_p", "verbosity",
)  # fmt: skip
odd_bodies = st.fixed_dictionaries(
    {},
    optional={**dict.fromkeys(ODD_KEYS, values), "messages": turns, "input": turns | leaves, "contents": turns},
)
NEWER = ["gpt-5.6-sol", "claude-opus-5-5", "deepseek-v4-pro", "kimi-k2.5", "grok-4.3", "amazon.nova-2-lite-v1:0"]


@settings(max_examples=60)
@given(
    body=odd_bodies,
    api=st.sampled_from(get_args(Api)),
    effort=st.sampled_from(EFFORTS),
    model=st.sampled_from(
        [
            *MODELS,
            "gpt-5.6-sol",
            "claude-opus-5-5",
            "deepseek-v4-pro",
            "kimi-k2.5",
            "grok-4.3",
            "amazon.nova-2-lite-v1:0",
        ]
    ),
    host=st.sampled_from(["", "bedrock", "dashscope", "openrouter", "vllm"]),
    drop_sampling=st.booleans(),
)
def test_odd_bodies_never_raise(
    body: dict[str, Any], api: Any, effort: Any, model: str, host: str, drop_sampling: bool
) -> None:
    before = copy.deepcopy(body)
    options = RewriteOptions(override_client=True, continue_loop=True, drop_sampling=drop_sampling)
    result = rewrite_effort(body, api, effort, model=model, options=options, host=host)
    assert body == before
    assert result.not_applied == "" or result.not_applied in NOT_APPLIED


ADDED = {
    "openai_effort": {"reasoning_effort", "reasoning"},
    "oss_effort": {"reasoning_effort", "reasoning"},
    "anthropic_budget": {"thinking"},
    "anthropic_adaptive": {"thinking", "output_config"},
    "gemini_budget": {"generationConfig", "reasoning_effort"},
    "gemini_level": {"generationConfig", "reasoning_effort"},
    "template_enable_thinking": {"chat_template_kwargs"},
    "template_thinking": {"chat_template_kwargs"},
    "thinking_type": {"thinking", "output_config"},
    "fixed": set(),
}
choices = {
    "api": st.sampled_from(APIS),
    "effort": st.sampled_from(EFFORTS),
    "old": st.sampled_from(MODELS),
    "new": st.sampled_from(MODELS),
    "options": st.builds(
        RewriteOptions,
        max_reasoning_tokens=st.none() | st.integers(1, 40_000),
        override_client=st.booleans(),
        continue_loop=st.booleans(),
        drop_sampling=st.booleans(),
    ),
}


@given(body=bodies, **choices)
def test_any_body(body: dict[str, Any], api: Any, effort: Any, old: str, new: str, options: RewriteOptions) -> None:
    body = {**body, "model": old}
    before = copy.deepcopy(body)
    once = rewrite_effort(body, api, effort, model=new, options=options)
    assert body == before
    twice = rewrite_effort(once.body, api, effort, model=new, options=options)
    assert twice.body == once.body
    assert not twice.changed
    dropped = {"temperature", "top_p", "top_k"} if options.drop_sampling else set()
    kept = {key: value for key, value in body.items() if key not in OURS | dropped}
    assert {key: value for key, value in once.body.items() if key not in OURS | dropped} == kept
    assert apply_patch(body, [op.to_json() for op in once.patch]) == once.body
    assert apply_merge(body, once.merge) == once.body or holds_null(once.body)


@pytest.mark.parametrize("off", OFF)
@pytest.mark.parametrize("new", MODELS)
@pytest.mark.parametrize("api", APIS)
def test_a_clients_off_survives_every_later_rewrite(api: Any, new: str, off: dict[str, Any]) -> None:
    body = {"model": "another", "temperature": 0.2, "max_tokens": 500, **off}
    if client_effort(body, api) is None:
        return  # In words that this endpoint does not have.
    options = RewriteOptions(drop_sampling=True)
    once = rewrite_effort(body, api, "high", model=new, options=options)
    assert rewrite_effort(once.body, api, "high", model=new, options=options).body == once.body
    if once.effort is not None:
        assert once.effort == find_capability(new).clamp("none")
        assert client_effort(once.body, api) == once.effort


@given(body=bodies, **choices)
def test_nothing_unknown_is_sent(
    body: dict[str, Any], api: Any, effort: Any, old: str, new: str, options: RewriteOptions
) -> None:
    body = {**body, "model": old}
    once = rewrite_effort(body, api, effort, model=new, options=options)
    switch = (
        {"reasoning"}
        if api == "openrouter" and find_capability(new).switch != "fixed"
        else ADDED[find_capability(new).switch]
    )
    renamed = {"max_completion_tokens"} if "max_tokens" in body else set()
    assert set(once.body) - set(body) <= switch | renamed
    if once.effort is not None and once.changed and api != "openrouter":
        assert once.effort in find_capability(new).efforts


@given(body=bodies, **choices)
def test_a_client_that_says_what_it_wants_gets_it(
    body: dict[str, Any], api: Any, effort: Any, old: str, new: str, options: RewriteOptions
) -> None:
    body = {**body, "model": old}
    asked = client_effort(body, api)
    if asked is None:
        return
    mine = RewriteOptions(options.max_reasoning_tokens, False, options.continue_loop, options.drop_sampling)
    once = rewrite_effort(body, api, effort, options=mine)
    assert once.body == body
    assert once.effort == asked


@pytest.mark.parametrize("api", ["chat", "responses", "messages", "gemini"])
@given(effort=choices["effort"], model=choices["old"], target=choices["new"], override=st.booleans())
def test_nothing_is_toggled_in_an_open_tool_loop(
    api: Any, effort: Any, model: str, target: str, override: bool
) -> None:
    loops: dict[str, dict[str, Any]] = {
        "chat": {"messages": [{"role": "user", "content": "hi"}, {"role": "tool", "content": "4"}]},
        "responses": {"input": [{"type": "function_call_output", "call_id": "c", "output": "4"}]},
        "messages": {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "4"}]}]},
        "gemini": {"contents": [{"role": "user", "parts": [{"functionResponse": {"name": "f"}}]}]},
    }
    body = {**loops[api], "model": model}
    left = rewrite_effort(body, api, effort, model=target, options=RewriteOptions(override_client=override))
    assert left.body == body
    assert left.note


def test_every_switch_of_the_table_is_in_a_golden_file_or_a_recipe() -> None:
    seen = set()
    for case in CASES:
        api, told = case.values
        known = find_capability(told.get("model") or told["body"]["model"])
        seen.add(("openrouter" if api == "openrouter" else known.switch, api))
    seen = {("reasoning_object", "openrouter") if api == "openrouter" else (switch, api) for switch, api in seen}
    assert seen | {(recipe.switch, recipe.api) for recipe in RECIPES} >= set(_WRITERS)


@pytest.mark.parametrize("model", MODELS)
def test_clamp_stays_inside_what_the_model_takes(model: str) -> None:
    known = find_capability(model)
    clamped = [known.clamp(effort) for effort in EFFORTS]
    assert set(clamped) <= set(known.efforts)
    assert [EFFORTS.index(effort) for effort in clamped] == sorted(EFFORTS.index(effort) for effort in clamped)
    if len(known.efforts) > 1:
        assert all(effort != "none" for effort in clamped[1:])


def test_no_model_is_an_error_that_names_the_cure() -> None:
    with pytest.raises(BadRequest, match="send 'model'"):
        rewrite_effort({"messages": []}, "chat", "high")


def holds_null(value: Any) -> bool:
    """RFC 7396 can't set null: nothing thinkgate writes is null, but a client's own may move with its parent."""
    if isinstance(value, dict):
        return any(map(holds_null, value.values()))
    return value is None


def apply_merge(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply_merge(result.get(key), value)
    return result


def apply_patch(target: Any, operations: list[dict[str, Any]]) -> Any:
    """The part of RFC 6902 that is used: object members only."""
    result = copy.deepcopy(target)
    for operation in operations:
        *parents, last = [p.replace("~1", "/").replace("~0", "~") for p in operation["path"].split("/")[1:]]
        place = result
        for parent in parents:
            place = place[parent]
        if operation["op"] == "remove":
            del place[last]
        else:
            place[last] = operation["value"]
    return result
