"""Recognises calls that a tool makes on its own behalf: titles, summaries, suggestions, probes.

Their wording is the tool's own, so a few expressions over the system prompt and the beginning of the last user turn
tell them, long before a model would have learnt them. The expressions are data: `calls.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from serving.decision.conversation import last_user_turn
from serving.decision.types import Request

_USER_CHARS: Final = 1500
"""Characters read of the last user turn, from its beginning."""
_SYSTEM_CHARS: Final = 12_000
"""A longer system prompt is that of an agent or of a product: it is not read."""
_OPENING_CHARS: Final = 300
_FILE = Path(__file__).with_name("calls.toml")


Search = Callable[[str], re.Match[str] | None]


@dataclass(frozen=True, slots=True)
class CallPattern:
    """How one kind of call is recognised.

    Parameters
    ----------
    opens, expressions
        The first is found in the opening of the lower-case text, the others in all of it.
    tools
        False: only where no tools are offered.
    max_chars
        Of the text.
    max_output
        Most output tokens that the caller asks for; None where it does not matter.
    """

    kind: str
    where: Literal["system", "user"]
    opens: Search
    expressions: tuple[Search, ...]
    tools: bool
    max_chars: int
    max_output: int | None

    def matches(self, text: str, chars: int, request: Request) -> bool:
        """Tell whether a text of `chars` characters, of which `text` is the beginning in lower case, is such a call."""
        if chars > self.max_chars or (request.tools and not self.tools):
            return False
        limit = request.max_output_tokens
        if self.max_output is not None and (limit is None or limit > self.max_output):
            return False
        return bool(self.opens(text[:_OPENING_CHARS])) and all(found(text) for found in self.expressions)


def read_call_patterns(text: str) -> tuple[CallPattern, ...]:
    """Read the patterns.

    Raises
    ------
    KeyError, re.error
        A pattern lacks a field or is no regular expression.
    """
    raw: list[dict[str, Any]] = tomllib.loads(text)["call"]
    return tuple(
        CallPattern(
            kind=one["kind"],
            where=one["where"],
            opens=_search(one.get("opens", "")),
            expressions=tuple(map(_search, one["all"])),
            tools=one.get("tools", True),
            max_chars=one.get("max_chars", 1_000_000_000),
            max_output=one.get("max_output"),
        )
        for one in raw
    )


def _search(expression: str) -> Search:
    """Give the search for an expression; `re` would try one that begins with ^ at every place of the text."""
    compiled = re.compile(expression)
    return compiled.match if expression.startswith("^") else compiled.search


_PATTERNS: Final = read_call_patterns(_FILE.read_text(encoding="utf-8"))
_OF_SYSTEM: Final = tuple(pattern for pattern in _PATTERNS if pattern.where == "system")
_OF_USER: Final = tuple(pattern for pattern in _PATTERNS if pattern.where == "user")
CALL_KINDS: Final = tuple(dict.fromkeys(pattern.kind for pattern in _PATTERNS))
"""The kinds of calls, names of the prior's taxonomy."""


def harness_call(request: Request) -> str | None:
    """Give the kind of call that a tool makes on its own behalf; None for a user's request.

    Parameters
    ----------
    request
        With the user's own words (`user_words`).

    Examples
    --------
    >>> from serving.decision.types import Message
    >>> asked = (Message("system", "Generate a short title for this conversation. Return ONLY the title."),)
    >>> harness_call(Request((*asked, Message("user", "User: Prove Fermat's last theorem."))))
    'title_generation'
    >>> harness_call(Request((Message("user", "Suggest a title for my essay on bees."),)))
    """
    messages = request.messages
    if not messages:
        return None
    text = messages[last_user_turn(messages)].text
    opening = text[:_USER_CHARS].strip().lower()
    for pattern in _OF_USER:
        if pattern.matches(opening, len(text), request):
            return pattern.kind
    system = [message.text for message in messages if message.role in ("system", "developer")]
    chars = sum(map(len, system))
    if not 0 < chars <= _SYSTEM_CHARS:
        return None
    prompt = "\n".join(system).lower()
    for pattern in _OF_SYSTEM:
        if pattern.matches(prompt, chars, request):
            return pattern.kind
    return None
