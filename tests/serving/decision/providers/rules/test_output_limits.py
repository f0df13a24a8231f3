"""Limits on output tokens: labels, room to think, and what a model can give."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.rules.output_limits import (
    leaves_room,
    lower_limit,
    output_limit,
    rename_limit,
    wants_short_answer,
)
from serving.decision.providers.rules.target import Target


@pytest.mark.parametrize(
    ("body", "api", "limit"),
    [
        ({"max_tokens": 5}, "chat", 5),
        ({"max_completion_tokens": 7, "max_tokens": 9}, "chat", 7),
        ({"max_output_tokens": 16}, "responses", 16),
        ({"generation_config": {"max_output_tokens": 8}}, "gemini", 8),
        ({"generationConfig": None}, "gemini", None),
        ({"max_tokens": True}, "messages", None),
        ({"max_tokens": "5"}, "chat", None),
        ({"max_tokens": 0}, "chat", None),
        ({"max_tokens": -1}, "chat", None),
    ],
)
def test_limit_of_a_body(body: dict[str, Any], api: Any, limit: int | None) -> None:
    assert output_limit(body, api) == limit


def test_labels_and_titles_are_short_and_summaries_are_not() -> None:
    for limit in (1, 16, 30, 99):
        assert wants_short_answer({"max_tokens": limit}, "chat")
    for limit in (100, 1000):
        assert not wants_short_answer({"max_tokens": limit}, "chat")
    assert not wants_short_answer({}, "chat")


def test_room_to_think() -> None:
    assert leaves_room({}, "chat")
    assert leaves_room({"max_tokens": 2048}, "messages")
    assert not leaves_room({"max_tokens": 2047}, "messages")


def _moved(model: str, api: Any = "chat") -> Target:
    return Target(find_capability(model), model, api, "none", moves=True)


def test_a_limit_above_what_the_new_model_can_give_is_lowered() -> None:
    body: dict[str, Any] = {"max_tokens": 100_000}
    lower_limit(body, _moved("claude-haiku-4-5", "messages"))
    assert body == {"max_tokens": 64_000}
    lower_limit(body, _moved("claude-opus-5", "messages"))
    assert body == {"max_tokens": 64_000}
    own: dict[str, Any] = {"max_tokens": 100_000}
    lower_limit(own, _moved("Qwen/Qwen3-8B"))
    assert own == {"max_tokens": 100_000}
    lower_limit(own, _moved("gpt-4o"))
    assert own == {"max_tokens": 16_384}


def test_openais_reasoning_models_take_the_newer_name() -> None:
    body: dict[str, Any] = {"max_tokens": 9}
    rename_limit(body, "chat", find_capability("o3"))
    assert body == {"max_completion_tokens": 9}
    rename_limit(body, "chat", find_capability("deepseek-chat"))
    assert body == {"max_completion_tokens": 9}
