"""Traits of a conversation that decisions depend on: an open tool loop, a short follow-up, the turn before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b

from serving.decision.types import Message, Request, TurnKeys

_KEY_BYTES = 16
_HASHED_HEAD, _HASHED_TAIL = 256, 64
"""Characters of a turn that enter its key, beside its length: a conversation of megabytes costs little."""
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


def turn_keys(request: Request) -> TurnKeys:
    """Hash a conversation as it is, and as it was one call before.

    System turns do not count, apart from the start of the first one: agents change them from call to call.

    Examples
    --------
    >>> from serving.decision.types import Message
    >>> first = (Message("user", "Plan the move."),)
    >>> second = (*first, Message("assistant", "1. ..."), Message("user", "And step 2?"))
    >>> turn_keys(Request(second)).previous == turn_keys(Request(first)).this
    True
    """
    messages = request.messages
    last_reply = max((place for place, each in enumerate(messages) if each.role == "assistant"), default=None)
    hasher = blake2b(digest_size=_KEY_BYTES)
    if messages and messages[0].role in ("system", "developer"):
        hasher.update(messages[0].text[:_HASHED_TAIL].encode("utf-8", "replace"))
    if last_reply is None:
        _hash_turns(hasher, messages)
        return TurnKeys(hasher.digest(), None)
    _hash_turns(hasher, messages[:last_reply])
    previous = hasher.digest()
    _hash_turns(hasher, messages[last_reply:])
    return TurnKeys(hasher.digest(), previous)


def _hash_turns(hasher: blake2b, messages: Iterable[Message]) -> None:
    for message in messages:
        if message.role not in ("system", "developer"):
            text = message.text
            shape = f"\0{message.role}:{len(text)}:{message.images}:{message.tool_calls}\0"
            shown = text if len(text) <= _HASHED_HEAD + _HASHED_TAIL else text[:_HASHED_HEAD] + text[-_HASHED_TAIL:]
            hasher.update((shape + shown).encode("utf-8", "replace"))
