"""Every form in which clients state an effort, from public reports, read and, where it is overruled, removed."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.providers.client_preferences import drop_foreign_forms, read_word, stated_effort
from serving.decision.providers.rewrite import RewriteOptions, rewrite_effort
from serving.decision.types import EFFORTS, Effort

FORMS: list[tuple[dict[str, Any], Effort]] = [
    ({"reasoning_effort": "none"}, "none"),
    ({"reasoning_effort": "disable"}, "none"),
    ({"reasoning_effort": "auto"}, "medium"),
    ({"reasoning_effort": "LOW"}, "low"),
    ({"reasoning_effort": {"effort": "high", "summary": "auto"}}, "high"),
    ({"reasoning": {"effort": "Minimal"}}, "minimal"),
    ({"reasoning": {"enabled": True}}, "high"),
    ({"reasoning": {"enabled": False, "max_tokens": 4000}}, "none"),
    ({"reasoning": {"max_tokens": 8000}}, "medium"),
    ({"include_reasoning": True}, "high"),
    ({"model": "anthropic/claude-3.7-sonnet:thinking"}, "high"),
    ({"enable_thinking": False}, "none"),
    ({"enable_thinking": True, "thinking_budget": 1000}, "minimal"),
    ({"enable_thinking": False, "thinking_budget": 1000}, "none"),
    ({"extra_body": {"enable_thinking": False}}, "none"),
    ({"extra_body": {"chat_template_kwargs": {"enable_thinking": True}}}, "high"),
    ({"chat_template_kwargs": {"reasoning_effort": "medium"}}, "medium"),
    ({"chat_template_kwargs": {"thinking_mode": "off"}}, "none"),
    ({"chat_template_kwargs": {"thinking": True}}, "high"),
    ({"reasoning_budget": 0}, "none"),
    ({"think": False}, "none"),
    ({"think": "low"}, "low"),
    ({"prompt_mode": "reasoning"}, "high"),
    ({"thinking": {"type": "auto"}}, "medium"),
    ({"thinking": {"type": "between_tools"}}, "none"),
    ({"thinking": {"type": "enabled", "budget_tokens": "2048"}}, "low"),
    ({"thinking": {"type": "disabled", "budget_tokens": 2048}}, "none"),
    ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max"),
    ({"messages": [{"role": "user", "content": "Prove it. /no_think"}]}, "none"),
    ({"messages": [{"role": "user", "content": "/no_think first, then /think"}]}, "high"),
    (
        {"model": "openai/gpt-oss-20b", "messages": [{"role": "system", "content": "Be kind.\nReasoning: low"}]},
        "low",
    ),
]
SILENT: list[dict[str, Any]] = [
    {},
    {"reasoning_effort": None},
    {"reasoning_effort": ["high"]},
    {"reasoning_effort": "a lot"},
    {"reasoning": {"summary": "auto"}},
    {"include_reasoning": False},
    {"chat_template_kwargs": {"tools": True}},
    {"extra_body": "enable_thinking"},
    {"messages": [{"role": "user", "content": "see https://a.b/think and /thinking"}]},
    {"messages": [{"role": "user", "content": "Prove it. /no_think"}, {"role": "user", "content": "Now."}]},
    {"model": "gpt-5.1", "messages": [{"role": "system", "content": "Reasoning: low"}]},
]


@pytest.mark.parametrize(("body", "effort"), FORMS, ids=[str(place) for place in range(len(FORMS))])
def test_every_form_is_read(body: dict[str, Any], effort: Effort) -> None:
    before = copy.deepcopy(body)
    assert stated_effort(body) == effort
    assert body == before


@pytest.mark.parametrize("body", SILENT, ids=[str(place) for place in range(len(SILENT))])
def test_what_states_no_effort_leaves_it_open(body: dict[str, Any]) -> None:
    assert stated_effort(body) is None


@pytest.mark.parametrize(("body", "effort"), FORMS, ids=[str(place) for place in range(len(FORMS))])
def test_an_explicit_effort_stands_as_it_was_written(body: dict[str, Any], effort: Effort) -> None:
    body = {"model": "Qwen/Qwen3-32B", **body}
    kept = rewrite_effort(body, "chat", "low" if effort != "low" else "high")
    assert (kept.body, kept.effort) == (body, effort)


@pytest.mark.parametrize(("form", "effort"), FORMS, ids=[str(place) for place in range(len(FORMS))])
def test_no_second_effort_is_left_where_the_policy_overrules(form: dict[str, Any], effort: Effort) -> None:
    if "model" in form or "messages" in form:
        return  # said in the model's name or in the text, which are not ours to change
    body = {"model": "gpt-5.1", "temperature": 1, **form}
    wanted: Effort = "low" if effort != "low" else "high"
    once = rewrite_effort(body, "chat", wanted, options=RewriteOptions(override_client=True))
    assert once.effort == wanted
    assert once.body["reasoning_effort"] == wanted
    left = {key: value for key, value in once.body.items() if key != "reasoning_effort"}
    drop_foreign_forms(left)
    assert left == {key: value for key, value in once.body.items() if key != "reasoning_effort"}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=6), st.lists, max_leaves=4))
def test_nothing_that_a_client_writes_raises(value: Any) -> None:
    for key in ("reasoning_effort", "reasoning", "thinking", "think", "extra_body", "chat_template_kwargs", "messages"):
        assert stated_effort({key: value}) in (None, *EFFORTS)
        assert stated_effort({"extra_body": {key: value}}) in (None, *EFFORTS)
    assert read_word(value) in (None, *EFFORTS)
