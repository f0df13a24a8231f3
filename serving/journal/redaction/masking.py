"""Masks secrets and personal data in a text, in time linear in its length.

All patterns run in RE2, which never backtracks and releases the interpreter while it searches. Hosts of patterns find
nothing in most prompts, so each says what a text must contain before it is tried.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import re2

from serving.journal.redaction.pattern import Pattern
from serving.journal.redaction.personal_patterns import PERSONAL
from serving.journal.redaction.secret_patterns import SECRETS

_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
"""Characters that nobody sees, with which a secret can be broken up."""
_FULLWIDTH: Final = {0xFF01 + offset: 0x21 + offset for offset in range(94)}
_MOST_FOUND: Final = 2000
"""Finds of one pattern in one text; a text with more is masked whole from there on."""


def redact(text: str) -> str:
    """Mask secrets and personal data.

    Parameters
    ----------
    text
        Of any length; time is linear in it.

    Returns
    -------
    str
        The text with `[key]`, `[email]`, `[card]`, `[account]`, `[phone]`, `[id]`, `[birth date]`, `[ip]`, `[mac]`,
        `[wallet]`, `[place]` or `[address]` in place of what was found. Where something was found in a text with
        invisible or full-width characters, the rest of it comes without them.

    Examples
    --------
    >>> redact("mail jo@example.org, card 4111 1111 1111 1111, key sk-abcdefghijklmnop1234, call +49 30 1234567")
    'mail [email], card [card], key [key], call [phone]'
    >>> redact("the total of 1234567890123 apples")
    'the total of 1234567890123 apples'
    """
    plain = text if text.isascii() else text.translate(_INVISIBLE).translate(_FULLWIDTH)
    raw = plain.encode("utf-8", "replace")
    folded = plain.casefold()
    spans = [
        span
        for pattern, compiled in _compiled()
        if _may_match(pattern, plain, folded)
        for span in _find(pattern, compiled, raw)
    ]
    return _replace(raw, spans) if spans else text


def _may_match(pattern: Pattern, plain: str, folded: str) -> bool:
    if pattern.hints:
        return any(hint in plain for hint in pattern.hints)
    return not pattern.hints_folded or any(hint in folded for hint in pattern.hints_folded)


@cache
def _compiled() -> tuple[tuple[Pattern, re2._Regexp], ...]:
    return tuple((pattern, pattern.compile()) for pattern in (*SECRETS, *PERSONAL))


_Span = tuple[int, int, str]


def _find(pattern: Pattern, compiled: re2._Regexp, raw: bytes) -> list[_Span]:
    """Find the spans of one pattern, in bytes."""
    found: list[_Span] = []
    place = 0
    while place < len(raw):
        match = compiled.search(raw, place)
        if match is None:
            break
        start, end = match.span(1)
        if pattern.check is None or pattern.check(match.group(1).decode("utf-8", "replace")):
            found.append((start, end, pattern.kind))
            if len(found) == _MOST_FOUND:
                found.append((end, len(raw), pattern.kind))
                break
        # What delimits this find may open the next one.
        place = max(end, place + 1)
    return found


def _replace(raw: bytes, spans: list[_Span]) -> str:
    """Replace the spans; of spans that overlap, one mask stands for all."""
    pieces, done = [], 0
    spans.sort(key=lambda span: (span[0], -span[1]))
    for start, end, kind in spans:
        if start >= done:
            pieces += [raw[done:start], f"[{kind}]".encode()]
        done = max(done, end)
    return b"".join([*pieces, raw[done:]]).decode("utf-8", "replace")
