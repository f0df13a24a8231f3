"""What is stored of a prompt: nothing, its hash, its text with secrets masked, or all of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import orjson

from serving.decision import Message, prompt_id
from serving.journal.redaction.masking import redact
from serving.journal.rows import storable

StorePrompts = Literal["none", "hash", "redacted", "full"]

MOST_STORED_CHARS: Final = 131_072
"""Characters of one turn that are stored; of a longer one both ends, cut between words."""
_WORD_CHARS: Final = 512


def stored_prompt_id(messages: Sequence[Message], privacy: StorePrompts) -> str:
    """Return the prompt's hash, or an empty string where not even a hash may be stored."""
    return "" if privacy == "none" else prompt_id(messages)


def stored_messages(messages: Iterable[Message], privacy: StorePrompts) -> str | None:
    """Serialise the conversation as OpenAI chat JSON as far as it may be stored; None where it may not."""
    if privacy in ("none", "hash"):
        return None
    mask = redact if privacy == "redacted" else str
    return orjson.dumps([_turn(message, storable(mask(cut(message.text)))) for message in messages]).decode("utf-8")


def cut(text: str, most: int = MOST_STORED_CHARS) -> str:
    """Cut a long text to its two ends, so that masking and storing have a bound.

    Examples
    --------
    >>> cut("one two three four five", 12)
    'one\\n[14 characters are not stored]\\nfive'
    """
    if len(text) <= most:
        return text
    half = most // 2
    first, last = half, len(text) - half
    # A secret that is cut through would not be known for one.
    first -= _chars_to_space(text[max(half - _WORD_CHARS, 0) : half][::-1])
    last += _chars_to_space(text[last : last + _WORD_CHARS])
    return f"{text[:first].rstrip()}\n[{last - first} characters are not stored]\n{text[last:].lstrip()}"


def _chars_to_space(text: str) -> int:
    """Count the characters before the first white space; 0 where there is none."""
    return next((place for place, char in enumerate(text) if char.isspace()), 0)


def _turn(message: Message, text: str) -> dict[str, object]:
    """Keep the number of images and tool calls, of which nothing else is known."""
    turn: dict[str, object] = {"role": message.role, "content": text}
    if message.images:
        turn["content"] = [{"type": "text", "text": text}, *({"type": "image_url"} for _ in range(message.images))]
    if message.tool_calls:
        turn["tool_calls"] = [{"type": "function"} for _ in range(message.tool_calls)]
    return turn
