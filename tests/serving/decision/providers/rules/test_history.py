"""History that a mode needs, and history that only its own model reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.rules.history import holds_foreign_reasoning, lacks_reasoning
from serving.decision.providers.rules.target import Target

CALL: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function"}]}
SAID: dict[str, Any] = {"role": "assistant", "content": "There is a.py."}


def _target(model: str, effort: Any = "high", api: Any = "chat", *, moves: bool = False, **changed: Any) -> Target:
    return Target(replace(find_capability(model), **changed), model, api, effort, moves)


@pytest.mark.parametrize("model", ["deepseek-v4-pro", "deepseek-v4-flash", "kimi-k2.5", "kimi-k2.6"])
def test_turns_with_tool_calls_must_carry_their_reasoning(model: str) -> None:
    direct: dict[str, Any] = {"messages": [{"role": "user", "content": "ls"}, CALL, {"role": "tool"}, SAID]}
    assert lacks_reasoning(direct, _target(model))
    assert not lacks_reasoning(direct, _target(model, "none"))
    assert not lacks_reasoning({"messages": [SAID]}, _target(model))
    thought = CALL | {"reasoning_content": "List them."}
    assert not lacks_reasoning({"messages": [thought, SAID]}, _target(model))
    assert lacks_reasoning({"messages": [thought, CALL]}, _target(model))


def test_some_hosts_want_it_on_all_turns() -> None:
    target = _target("deepseek-v4-pro", history="reasoning_content_on_all_turns")
    assert lacks_reasoning({"messages": [SAID]}, target)
    assert not lacks_reasoning({"messages": [SAID | {"reasoning_content": ""}]}, target)


def test_at_messages_the_reasoning_is_a_block() -> None:
    call: dict[str, Any] = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "ls"}]}
    target = _target("deepseek-v4-pro", api="messages")
    assert lacks_reasoning({"messages": [call]}, target)
    thought: dict[str, Any] = {"role": "assistant", "content": [{"type": "thinking"}, *call["content"]]}
    assert not lacks_reasoning({"messages": [thought]}, target)


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "s"}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "redacted_thinking", "data": "s"}]}]},
        {"messages": [{"role": "assistant", "content": "x", "thinking_blocks": [{"signature": "s"}]}]},
        {"messages": [{"role": "assistant", "content": "x", "reasoning_details": [{"data": "s"}]}]},
        {"input": [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}]},
    ],
)
def test_signed_and_encrypted_reasoning_stays_with_its_model(body: dict[str, Any]) -> None:
    assert holds_foreign_reasoning(body, _target("gpt-5.1", moves=True))
    assert not holds_foreign_reasoning(body, _target("gpt-5.1"))


@pytest.mark.parametrize("turns", [None, "x", [None, 3, {"role": "assistant", "content": [None], "tool_calls": 1}]])
def test_odd_turns_do_not_raise(turns: Any) -> None:
    assert isinstance(lacks_reasoning({"messages": turns}, _target("kimi-k2.5")), bool)
    assert not holds_foreign_reasoning({"messages": turns, "input": turns}, _target("kimi-k2.5", moves=True))
