"""Traits of a conversation that decisions depend on: an open tool loop, a short follow-up."""

from __future__ import annotations

from dataclasses import replace

from serving.decision.types import Request

_FOLLOW_UP_CHARS = 48
"""A last turn up to this length, after a reply of the assistant, refers to what was said before."""


def in_tool_loop(request: Request) -> bool:
    """Tell whether a tool loop is open: no assistant turn without tool calls has come since the newest tool result.

    Agents add reminders (user or system turns) behind a tool result; they do not close the loop.

    Examples
    --------
    >>> from serving.decision.types import Message
    >>> asked = (Message("user", "weather?"), Message("assistant", "", tool_calls=1), Message("tool", "sunny"))
    >>> in_tool_loop(Request(asked)), in_tool_loop(Request((*asked, Message("assistant", "Sunny."))))
    (True, False)
    >>> in_tool_loop(Request((*asked, Message("user", "<reminder>be brief</reminder>"))))
    True
    """
    for message in reversed(request.messages):
        if message.role == "tool":
            return True
        if message.role == "assistant":
            return message.tool_calls > 0
    return False


def is_follow_up(request: Request) -> bool:
    """Tell whether the last user turn can only be understood from the conversation before it.

    Examples
    --------
    >>> from serving.decision.types import Message
    >>> talk = (Message("user", "Plan the migration."), Message("assistant", "1. ..."), Message("user", "yes, do it"))
    >>> is_follow_up(Request(talk)), is_follow_up(Request(talk[:1]))
    (True, False)
    """
    answered = False
    for message in reversed(request.messages):
        if message.role == "user" and not answered:
            if len(message.text) > _FOLLOW_UP_CHARS or message.images:
                return False
            answered = True
        elif message.role == "assistant" and answered:
            return True
    return False


def before_tools(request: Request) -> Request:
    """Drop the open tool loop: everything after the last user turn before its first tool call.

    The request is unchanged where no user turn comes before the loop.

    Examples
    --------
    >>> from serving.decision.types import Message
    >>> asked = (Message("user", "weather?"), Message("assistant", "", tool_calls=1), Message("tool", "sunny"))
    >>> before_tools(Request((*asked, Message("user", "reminder")))).messages
    (Message(role='user', text='weather?', images=0, tool_calls=0),)
    """
    messages = request.messages
    start = len(messages)
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message.role == "assistant" and not message.tool_calls:
            break
        if message.role in ("assistant", "tool"):
            start = index
    for index in range(start - 1, -1, -1):
        if messages[index].role == "user":
            return replace(request, messages=messages[: index + 1])
    return request
