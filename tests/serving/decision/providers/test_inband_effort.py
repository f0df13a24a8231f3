"""In-band effort: changes stay where they were made, the prefix stays the same, and nothing odd is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.client_intent import client_effort
from serving.decision.providers.endpoints import Api
from serving.decision.providers.inband_effort import (
    MOST_CHANGES,
    continue_history,
    effort_in_band,
    takes_effort_in_band,
    write_changes,
)
from serving.decision.providers.request_body import parse_body
from serving.decision.providers.rewrite import RewriteOptions, rewrite_effort
from serving.decision.types import Effort, EffortHistory

KEYS: dict[Api, str] = {"messages": "messages", "responses": "input"}
MODELS: dict[Api, str] = {"messages": "claude-opus-5", "responses": "gpt-6-astra"}


def talk(api: Api, turns: int) -> dict[str, Any]:
    """A conversation of `turns` user turns, each answered but the last."""
    said: list[dict[str, Any]] = []
    for number in range(turns):
        said.append({"role": "user", "content": f"ask {number}"})
        if number < turns - 1:
            said.append({"role": "assistant", "content": f"answer {number}"})
    limits = {"messages": {"max_tokens": 40_000}, "responses": {}}[api]
    return {"model": MODELS[api], KEYS[api]: said, **limits}


@pytest.mark.parametrize("api", ["messages", "responses"])
@given(efforts=st.lists(st.sampled_from(["low", "medium", "high"]), min_size=2, max_size=6))
def test_each_call_begins_with_what_the_call_before_sent(api: Api, efforts: list[Effort]) -> None:
    history, before = None, None
    for number, effort in enumerate(efforts, 1):
        body = talk(api, number)
        options = RewriteOptions(effort_history=history)
        rewritten = rewrite_effort(body, api, effort, options=options)
        assert rewritten.asked_effort == effort
        sent = rewritten.body
        settings = {name: value for name, value in sent.items() if name != KEYS[api]}
        turns = sent[KEYS[api]]
        assert isinstance(turns, list)
        if before is not None:
            assert (settings, turns[: len(before[1])]) == before, "the prompt cache is kept"
        assert effort_in_band(sent, api) in (None, effort)
        before = (settings, turns)
        history = rewritten.effort_history
        assert history is not None
        assert history.last == effort


def test_a_change_of_claude_wants_its_beta_header_and_one_of_openai_does_not() -> None:
    for api in KEYS:
        rewritten = rewrite_effort(
            talk(api, 2), api, "high", options=RewriteOptions(effort_history=EffortHistory("low"))
        )
        assert rewritten.needs_beta == (api == "messages")
        again = rewrite_effort(talk(api, 2), api, "low", options=RewriteOptions(effort_history=EffortHistory("low")))
        assert not again.needs_beta


def test_switching_reasoning_off_or_on_is_never_done_in_the_conversation() -> None:
    body = talk("messages", 2)
    for base, effort in (("low", "none"), ("none", "high")):
        options = RewriteOptions(effort_history=EffortHistory(base))  # type: ignore[arg-type]
        rewritten = rewrite_effort(body, "messages", effort, options=options)  # type: ignore[arg-type]
        assert rewritten.body["messages"] == body["messages"]


@pytest.mark.parametrize(
    ("turns", "history"),
    [
        (1, EffortHistory("low", ((2, "high"),))),  # the client has compacted its history
        (2, EffortHistory("low", ((2, "high"),))),  # this turn was changed already
        (9, EffortHistory("low", tuple((2 * place, "high") for place in range(1, MOST_CHANGES + 1)))),
    ],
)
def test_what_does_not_fit_is_changed_at_the_usual_place(turns: int, history: EffortHistory) -> None:
    body = talk("messages", turns)
    assert continue_history(body, "messages", history, "medium") is None
    rewritten = rewrite_effort(body, "messages", "medium", options=RewriteOptions(effort_history=history))
    assert rewritten.body["messages"] == body["messages"]
    assert rewritten.body["output_config"] == {"effort": "medium"}
    assert rewritten.effort_history == EffortHistory("medium")


def test_a_tool_loop_repeats_its_changes_and_makes_none() -> None:
    body = talk("messages", 2)
    loop = [
        *body["messages"],
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "ls", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "a.py"}]},
    ]
    history = EffortHistory("low", ((2, "high"),))
    options = RewriteOptions(effort_history=history, continue_loop=True)
    kept = rewrite_effort(body | {"messages": loop}, "messages", "high", options=options)
    assert [turn.get("role") for turn in kept.body["messages"]][2] == "system"  # type: ignore[union-attr]
    assert kept.effort_history == history
    assert continue_history(body | {"messages": loop}, "messages", history, "medium") is None


def test_a_clients_own_change_is_its_choice() -> None:
    marker = {"role": "system", "content": [], "output_config": {"effort": "low"}}
    body = talk("messages", 2)
    body["messages"].insert(2, marker)
    assert client_effort(body, "messages") == "low"
    assert rewrite_effort(body, "messages", "high").not_applied == "client"
    item = {"type": "configuration_update", "reasoning": {"effort": "high"}}
    other = talk("responses", 2)
    other["input"].insert(2, item)
    assert client_effort(other, "responses") == "high"


@pytest.mark.parametrize(
    ("model", "api", "takes"),
    [
        ("claude-opus-5", "messages", True),
        ("claude-fable-5-1", "messages", True),
        ("claude-sonnet-4-5", "messages", False),
        ("claude-opus-5", "chat", False),
        ("gpt-6-astra", "responses", True),
        ("gpt-6-astra", "chat", False),
        ("gpt-5.1", "responses", False),
    ],
)
def test_only_models_that_take_it(model: str, api: Api, takes: bool) -> None:
    assert takes_effort_in_band(find_capability(model, endpoint=api), api) is takes
    turns: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]} if api != "responses" else {"input": "hi"}
    for sets_headers in (True, False):
        parsed = parse_body({"model": model, **turns}, api, sets_headers=sets_headers)
        assert parsed.request.effort_in_band is (takes and (sets_headers or api == "responses"))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4), lambda each: st.lists(each, max_size=3)
)


@given(
    st.dictionaries(st.sampled_from(["messages", "input"]), st.lists(JUNK | st.dictionaries(st.text(max_size=6), JUNK)))
)
def test_odd_turns_do_no_harm(body: dict[str, Any]) -> None:
    for api in KEYS:
        effort_in_band(body, api)
        history = continue_history(body, api, EffortHistory("low", ((0, "high"),)), "medium")
        if history is not None:
            write_changes(dict(body), api, history)
