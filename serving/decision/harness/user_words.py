"""Finds the user's own words: user turns without the blocks that tools put around them.

The same function serves training and serving, so that a model reads in both what the user asked for. What is sent to
the provider and kept in the journal is not changed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final

from serving.decision.harness.block_list import BLOCKS, BlockList
from serving.decision.types import Message, Request

_KEPT_CHARS: Final = 16_384
"""Longer turns are stripped anew each time, so that what is kept is bounded."""
_TAIL_CHARS: Final = 16_384
"""Rules behind the user's words begin within so many characters of the end."""
_SPACE: Final = re.compile(r"\s*")
_OPENING_CHARS: Final = 200
"""The beginnings of the list are shorter than this."""


def user_words(request: Request) -> Request:
    """Give a request whose user turns hold the user's own words.

    Examples
    --------
    >>> asked = Message("user", "<system-reminder>The date is 1 May.</system-reminder>\\nhi")
    >>> user_words(Request((asked,))).messages[0].text
    'hi'
    """
    messages = user_messages(request.messages)
    return request if messages is request.messages else replace(request, messages=messages)


def user_messages(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Remove what tools wrote from user turns, and user turns that hold nothing else.

    Returns
    -------
    tuple of Message
        The tuple itself where nothing is removed, or where nothing would remain of any user turn: then the whole text
        is all that is known.
    """
    kept: list[Message] = []
    changed = has_user = False
    for message in messages:
        if message.role != "user":
            kept.append(message)
            continue
        text = message.text
        words = _strip_kept(text) if "<" in text and len(text) <= _KEPT_CHARS else strip_blocks(text)
        if words == text:
            kept.append(message)
            has_user = True
            continue
        changed = True
        if words or message.images or message.tool_calls:
            kept.append(Message(message.role, words, message.images, message.tool_calls))
            has_user = True
    return tuple(kept) if changed and has_user else messages


@lru_cache(maxsize=256)
def _strip_kept(text: str) -> str:
    """Strip a turn as `strip_blocks` does, and keep the result: agents send their turns again with every call."""
    return strip_blocks(text)


def strip_blocks(text: str, blocks: BlockList = BLOCKS) -> str:
    """Remove from a user turn what a tool wrote; the text itself where there is nothing to remove.

    The time is linear in the length of the text, whatever it holds.

    Examples
    --------
    >>> strip_blocks("# AGENTS.md instructions for /a\\n<INSTRUCTIONS>Use tabs.</INSTRUCTIONS>")
    ''
    >>> strip_blocks("<user_info>linux</user_info><user_query>\\nfix the test\\n</user_query>")
    'fix the test'
    >>> strip_blocks("is 2 < 3 in <b>HTML</b>?")
    'is 2 < 3 in <b>HTML</b>?'
    """
    words = text
    if "<" in text and blocks.any_tag.search(text):
        words = _only(_without_tags(text, blocks), blocks)
    opening = words[:_OPENING_CHARS].lstrip()
    if opening.startswith(blocks.turns):
        return ""
    for lead in blocks.leads:
        if opening.startswith(lead.opens):
            at = words.find(lead.marker)
            words = words if at < 0 else words[at + len(lead.marker) :]
    words = _without_tail(_without_lines(words, blocks), blocks)
    return text if words is text or words == text else words.strip()


def _without_tags(text: str, blocks: BlockList) -> str:
    """Remove blocks that hold nothing of the user's, and the tags around what the user typed."""
    kept: list[str] = []
    flat: set[str] = set()
    unclosed: set[str] = set()
    start = at = 0
    while found := blocks.opening.search(text, at):
        at = found.end()
        name = found[1]
        if name in unclosed:  # a search to the end for every opening tag would take quadratic time
            continue
        end = _end_of_block(text, at, name, flat)
        if end < 0:
            unclosed.add(name)
            continue
        kept.append(text[start : found.start()])
        start = at = end
    if kept:
        text = "".join([*kept, text[start:]])
    return blocks.wrapper.sub("", text) if "<" in text else text


def _end_of_block(text: str, at: int, name: str, flat: set[str]) -> int:
    """Give the end of the block whose opening tag ends at `at`; -1 where it is never closed.

    Blocks of the same name nest. Where the tags do not pair, a block may only have mentioned its own name: then the
    first closing tag counts, now and for the rest of the text (`flat`).
    """
    opened, close = f"<{name}>", f"</{name}>"
    first = text.find(close, at)
    if first < 0 or name in flat:
        return first if first < 0 else first + len(close)
    depth, end = 1, first
    while end >= 0:
        depth += text.count(opened, at, end) - 1
        at = end + len(close)
        if not depth:
            return at
        end = text.find(close, at)
    flat.add(name)
    return first + len(close)


def _only(text: str, blocks: BlockList) -> str:
    """Give what stands in the blocks that hold the user's words; the text where there is none."""
    kept: list[str] = []
    at = 0
    while found := blocks.only.search(text, at):
        end = text.find(f"</{found[1]}>", found.end())
        if end < 0:
            break
        kept.append(text[found.end() : end])
        at = end
    return "\n".join(kept) if kept else text


def _without_lines(text: str, blocks: BlockList) -> str:
    kept = 0
    while True:
        at = _start_of_words(text, kept)
        if not text.startswith(blocks.lines, at):
            return text[kept:] if kept else text
        kept = text.find("\n", at) + 1 or len(text)


def _start_of_words(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _without_tail(text: str, blocks: BlockList) -> str:
    start = max(len(text) - _TAIL_CHARS, 0)
    for marker in blocks.tails:
        at = text.find(marker, start)
        if at >= 0:
            text = text[:at]
    return text
