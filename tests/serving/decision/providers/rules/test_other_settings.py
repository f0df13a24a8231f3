"""Settings beside sampling and tools that a model refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.rules.other_settings import begins_answer, refused_beside_effort, refused_on_move
from serving.decision.providers.rules.target import Target

BEGUN: dict[str, Any] = {"messages": [{"role": "user", "content": "JSON"}, {"role": "assistant", "content": "{"}]}


@pytest.mark.parametrize(
    ("model", "effort", "refused"),
    [
        ("claude-sonnet-4-5", "none", False),
        ("claude-sonnet-4-5", "high", True),
        ("claude-opus-4-6", "none", True),
        ("claude-opus-5", "high", True),
        ("gpt-5.1", "high", False),
    ],
)
def test_a_begun_answer_as_each_model_refuses_it(model: str, effort: Any, refused: bool) -> None:
    found = list(refused_beside_effort(BEGUN, Target(find_capability(model), model, "messages", effort)))
    assert found == (["messages"] if refused else [])


@pytest.mark.parametrize(("effort", "refused"), [("low", ["include"]), ("none", [])])
def test_log_probabilities_in_include(effort: Any, refused: list[str]) -> None:
    target = Target(find_capability("gpt-5.1"), "gpt-5.1", "responses", effort)
    assert list(refused_beside_effort({"include": ["message.output_text.logprobs"]}, target)) == refused


def test_hosts_that_normalise_take_what_a_model_does_not() -> None:
    plain = find_capability("o3")
    normalised = replace(plain, switch="reasoning_object")
    body: dict[str, Any] = {"stop": ["x"], "verbosity": "low"}
    assert list(refused_on_move(body, Target(plain, "openai/o3", "chat", "low", moves=True))) == ["stop", "verbosity"]
    assert list(refused_on_move(body, Target(normalised, "openai/o3", "chat", "low", moves=True))) == []


@pytest.mark.parametrize("turns", [None, [], ["x"], [{"role": "user"}], {"role": "assistant"}])
def test_odd_turns_begin_no_answer(turns: Any) -> None:
    assert not begins_answer({"messages": turns})
