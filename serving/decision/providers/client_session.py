"""Client sessions: the session id that a provider's body or its headers state, and programs with a constant effort."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import orjson

from serving.decision.conversation import clean
from serving.decision.providers.json_patch import Json
from serving.decision.types import EFFORTS, Effort

SESSION_HEADERS: Final = (
    "x-session-id",
    "session_id",  # Codex
    "session-id",
    "conversation_id",
    "x-claude-code-session-id",
    "x-litellm-session-id",
    "x-session-affinity",  # opencode
)
"""Lower-case names of headers in which clients name their session; the first that is there counts."""
AGENT_HEADERS: Final = ("x-thinkgate-user-agent", "user-agent")
"""Where the client's program is named; a gateway that calls `/v1/rewrite` passes the first."""

_MAX_TEXT: Final = 256
_CLAUDE_CODE: Final = re.compile(r"_session_([0-9a-fA-F-]{36})$")


def body_session(body: Mapping[str, Json]) -> str | None:
    """Read the session that a body states; None where it states none.

    `metadata.user_id` counts only where it names a session, as Claude Code's does: a plain one is a person. Of the
    Responses format, `conversation` names the session; `previous_reply` names the call before.

    Examples
    --------
    >>> body_session({"prompt_cache_key": "019a-77"}), body_session({"metadata": {"user_id": "customer 7"}})
    ('019a-77', None)
    """
    metadata = body.get("metadata")
    if isinstance(metadata, dict):
        found = _text(metadata.get("session_id")) or _user_session(metadata.get("user_id"))
        if found is not None:
            return found
    conversation = body.get("conversation")
    if isinstance(conversation, dict):
        conversation = conversation.get("id")
    for stated in (conversation, body.get("session_id"), body.get("prompt_cache_key")):
        found = _text(stated)
        if found is not None:
            return found
    return None


def previous_reply(body: Mapping[str, Json]) -> str | None:
    """Read which reply a body of the Responses format goes on from; None where it goes on from none."""
    return _text(body.get("previous_response_id"))


def header_session(headers: Mapping[str, str]) -> str | None:
    """Read the session that a client's headers state, by lower-case name; None where they state none."""
    return next((found for name in SESSION_HEADERS if (found := _text(headers.get(name))) is not None), None)


def _user_session(stated: Json) -> str | None:
    if not isinstance(stated, str):
        return None
    found = _CLAUDE_CODE.search(stated[-_MAX_TEXT:])
    if found is not None:
        return found[1]
    if stated.startswith("{") and len(stated) <= 4 * _MAX_TEXT:
        try:
            fields = orjson.loads(stated)
        except orjson.JSONDecodeError:
            return None
        return _text(fields.get("session_id"))
    return None


def _text(value: Json) -> str | None:
    return clean(value.strip()[:_MAX_TEXT]) or None if isinstance(value, str) else None


_CONSTANTS: Final[Mapping[str, tuple[Effort, ...]]] = MappingProxyType(
    {
        "claude-cli/": EFFORTS,
        "claude-code/": EFFORTS,
        "codex_cli_rs/": ("medium",),
        "codex-tui/": ("medium",),
        "codex_vscode/": ("medium",),
        "codex_exec/": ("medium",),
        "codex/": ("medium",),
        "opencode/": EFFORTS,
        "geminicli/": EFFORTS,
        "qwencode/": EFFORTS,
        "cline/": EFFORTS,
        "roocode/": EFFORTS,
        "kilo-code/": EFFORTS,
        "charm crush/": EFFORTS,
        "goose/": EFFORTS,
    }
)
"""Start of the user agent of programs that send an effort with every call, and the efforts they may send unasked.

Codex sends `medium` unless somebody chose otherwise; for the others the unasked effort depends on the model.
"""


def unasked_efforts(user_agent: str) -> tuple[Effort, ...]:
    """Give the efforts that a program may send without anybody's choice; none for a program that is not known.

    Examples
    --------
    >>> unasked_efforts("codex_cli_rs/0.98.0 (Mac OS 26.1; arm64)"), unasked_efforts("OpenAI/Python 2.8.1")
    (('medium',), ())
    """
    program = user_agent[:_MAX_TEXT].lower()
    return next((efforts for start, efforts in _CONSTANTS.items() if program.startswith(start)), ())
