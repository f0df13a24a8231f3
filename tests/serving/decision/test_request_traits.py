"""Traits of conversations: open tool loops, short follow-ups, and what is left without tool turns."""

from __future__ import annotations

import pytest

from serving.decision.request_traits import before_tools, in_tool_loop, is_follow_up
from serving.decision.types import Message, Request


@pytest.mark.parametrize(
    ("turns", "loop", "follow_up"),
    [
        ([Message("user", "hi")], False, False),
        ([Message("system", "be brief"), Message("user", "yes")], False, False),
        ([Message("user", "q"), Message("assistant", "a"), Message("user", "yes")], False, True),
        ([Message("user", "q"), Message("assistant", "a"), Message("user", "x" * 60)], False, False),
        ([Message("user", "q"), Message("assistant", "a"), Message("user", "this", images=1)], False, False),
        ([Message("user", "q"), Message("assistant", "a", tool_calls=2)], True, False),
        ([Message("user", "q"), Message("assistant", "", tool_calls=1), Message("tool", "t")], True, False),
        (
            [Message("user", "q"), Message("tool", "t"), Message("assistant", "done"), Message("user", "ok")],
            False,
            True,
        ),
        ([Message("assistant", "welcome"), Message("system", "s")], False, False),
    ],
)
def test_tool_loops_and_follow_ups(turns: list[Message], loop: bool, follow_up: bool) -> None:
    request = Request(tuple(turns))
    assert (in_tool_loop(request), is_follow_up(request)) == (loop, follow_up)


@pytest.mark.parametrize(("length", "follow_up"), [(48, True), (49, False)])
def test_a_follow_up_is_at_most_48_characters_long(length: int, follow_up: bool) -> None:
    turns = (Message("user", "q"), Message("assistant", "a"), Message("user", "x" * length))
    assert is_follow_up(Request(turns)) is follow_up


def test_turns_after_the_last_user_turn_are_dropped_and_the_context_kept() -> None:
    turns = (
        Message("user", "q"),
        Message("assistant", "a"),
        Message("user", "look it up"),
        Message("assistant", "", tool_calls=1),
        Message("tool", "42"),
    )
    cut = before_tools(Request(turns, tenant="t", tools=2))
    assert cut == Request(turns[:3], tenant="t", tools=2)
    assert before_tools(cut) == cut


def test_a_conversation_without_a_user_is_left_whole() -> None:
    request = Request((Message("system", "s"), Message("tool", "42")))
    assert before_tools(request) is request


_LOOP = (Message("user", "q"), Message("assistant", "", tool_calls=1), Message("tool", "4"))


@pytest.mark.parametrize("behind", [Message("user", "reminder"), Message("system", "be brief")])
def test_reminders_behind_a_tool_result_leave_the_loop_open(behind: Message) -> None:
    assert in_tool_loop(Request((*_LOOP, behind)))
    assert in_tool_loop(Request((*_LOOP, Message("assistant", "", tool_calls=1), Message("tool", "5"), behind)))
    answered = (*_LOOP, Message("assistant", "Four."), behind)
    assert not in_tool_loop(Request(answered))


def test_a_loop_is_dropped_with_its_reminders_down_to_the_turn_that_asked() -> None:
    earlier = (Message("user", "a"), Message("assistant", "b"))
    again = (Message("assistant", "", tool_calls=1), Message("tool", "5"))
    looped = (*earlier, *_LOOP, Message("user", "reminder"), *again)
    assert before_tools(Request(looped)).messages == (*earlier, Message("user", "q"))
