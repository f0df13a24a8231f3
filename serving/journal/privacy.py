"""What of a prompt may be stored: nothing, its hash, its text with secrets masked, or all of it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

import orjson

from serving.decision.types import Message
from serving.journal.rows import storable

StorePrompts = Literal["none", "hash", "redacted", "full"]

_SPACE = re.compile(r"\s+")
_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abprs]|hf|tg|AIza|AKIA|ASIA)[-_]?[A-Za-z0-9_\-]{12,}"
    r"|\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?"
    r"|(?i:\bbearer\s+)[A-Za-z0-9._~+/\-]{12,}=*"
    r"|(?i:\b(?:api[_-]?key|secret|token|password|passwd|pwd)\b[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]{6,}",
    re.DOTALL,
)
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
    text = _KEY.sub("[key]", text)
    text = _EMAIL.sub("[email]", text)
    text = _CARD.sub(lambda found: "[card]" if _is_card(found.group()) else found.group(), text)
    return _PHONE.sub("[phone]", text)


def prompt_id(messages: Sequence[Message], privacy: StorePrompts) -> str:
    """Name a prompt without telling it; empty where even a hash is not wanted."""
    if privacy == "none":
        return ""
    texts = (_SPACE.sub(" ", unicodedata.normalize("NFC", message.text)).strip() for message in messages)
    folded = "\x1e".join(f"{message.role}\x1f{text}" for message, text in zip(messages, texts, strict=True))
    return hashlib.blake2b(storable(folded).encode("utf-8"), digest_size=16).hexdigest()


def stored_messages(messages: Iterable[Message], privacy: StorePrompts) -> str | None:
    """Render the conversation as far as it may be stored: OpenAI chat JSON, or None."""
    if privacy in ("none", "hash"):
        return None
    mask = redact if privacy == "redacted" else str
    turns = [{"role": message.role, "content": storable(mask(message.text))} for message in messages]
    return orjson.dumps(turns).decode("utf-8")


def _is_card(digits: str) -> bool:
    """Luhn's check, so that long numbers of a maths question stay readable."""
    numbers = [int(char) for char in digits if char.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in numbers[-2::-2]]
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0
