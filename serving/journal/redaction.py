"""Prompt privacy: stores nothing of a prompt, its hash, its text with secrets masked, or all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import orjson

from serving.decision import Message, prompt_id
from serving.journal.rows import storable

StorePrompts = Literal["none", "hash", "redacted", "full"]

_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abprs]|hf|tg|AIza|AKIA|ASIA)[-_]?[A-Za-z0-9_\-]{12,}"
    r"|\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?"
    r"|(?i:\bbearer\s+)[A-Za-z0-9._~+/\-]{12,}=*"
    r"|(?i:\b(?:api[_-]?key|secret|token|password|passwd|pwd)\b[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]{6,}",
    re.DOTALL,
)
_KEY_HINTS = ("-----begin", "bearer", "api", "secret", "token", "passw", "pwd")
_LONG_WORD = re.compile(r"[A-Za-z0-9_\-]{14}")
"""Lower bound for keys with a known prefix: two letters and twelve more characters."""
_SEVERAL_DIGITS = re.compile(r"\d(?:[ ().\-/]{0,2}\d){5}")
"""Lower bound for card and phone numbers: six digits with at most two separators between two of them."""
_EMAIL = re.compile(r"[^\s@<>\"'(),;:]{1,64}@[^\s@<>\"'(),;:]{1,190}\.[^\W\d_]{2,24}")
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")
_PHONE = re.compile(
    r"(?<![\w.])(?:\+|00)\d{1,3}(?:[ ().\-/]{0,2}\d){6,13}(?!\w)"
    r"|\(\d{2,5}\)[ ]?\d{3,4}[ -]?\d{3,5}(?!\w)"
    r"|(?<![\w.\-])\d{3}[-. ]\d{3}[-. ]\d{4}(?![\w\-])"
)


def redact(text: str) -> str:
    """Mask e-mail addresses, keys, card numbers and phone numbers.

    Examples
    --------
    >>> redact("mail jo@example.org, card 4111 1111 1111 1111, key sk-abcdefghijklmnop1234, call +49 30 1234567")
    'mail [email], card [card], key [key], call [phone]'
    >>> redact("the total of 1234567890123 apples")
    'the total of 1234567890123 apples'
    """
    # Most prompts hold no secret: a cheap search for what each pattern requires comes first.
    if _LONG_WORD.search(text) or any(hint in text.lower() for hint in _KEY_HINTS):
        text = _KEY.sub("[key]", text)
    if "@" in text:
        text = _EMAIL.sub("[email]", text)
    if _SEVERAL_DIGITS.search(text):
        text = _CARD.sub(lambda found: "[card]" if _is_card(found.group()) else found.group(), text)
        text = _PHONE.sub("[phone]", text)
    return text


def stored_prompt_id(messages: Sequence[Message], privacy: StorePrompts) -> str:
    """Return the prompt's hash, or an empty string where not even a hash may be stored."""
    return "" if privacy == "none" else prompt_id(messages)


def stored_messages(messages: Iterable[Message], privacy: StorePrompts) -> str | None:
    """Serialise the conversation as OpenAI chat JSON as far as it may be stored; None where it may not."""
    if privacy in ("none", "hash"):
        return None
    mask = redact if privacy == "redacted" else str
    return orjson.dumps([_turn(message, storable(mask(message.text))) for message in messages]).decode("utf-8")


def _turn(message: Message, text: str) -> dict[str, object]:
    """Keep the number of images and tool calls, of which nothing else is known."""
    turn: dict[str, object] = {"role": message.role, "content": text}
    if message.images:
        turn["content"] = [{"type": "text", "text": text}, *({"type": "image_url"} for _ in range(message.images))]
    if message.tool_calls:
        turn["tool_calls"] = [{"type": "function"} for _ in range(message.tool_calls)]
    return turn


def _is_card(digits: str) -> bool:
    """Luhn check, so that long numbers of a maths question are not masked."""
    numbers = [int(char) for char in digits if char.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in numbers[-2::-2]]
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0
