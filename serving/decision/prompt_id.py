"""Names a prompt without telling it: the one rule by which history, journal and training know the same prompt again."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable

from serving.decision.conversation import clean
from serving.decision.types import Message

ID_BYTES = 16


def prompt_id(messages: Iterable[Message]) -> str:
    """Identify a prompt by its text: Unicode NFC, white space folded; 32 hex digits.

    Examples
    --------
    >>> prompt_id([Message("user", " two  words")]) == prompt_id([Message("user", "two words")])
    True
    """
    turns = (f"{turn.role}\x1f{turn.images}\x1f{turn.tool_calls}\x1f{_folded(turn.text)}" for turn in messages)
    return hashlib.blake2b("\x1e".join(turns).encode(), digest_size=ID_BYTES).hexdigest()


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", clean(text)).split())
