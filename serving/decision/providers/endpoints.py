"""Tells whose shape a request body has: from its URL path, from a name, or from what only one provider's body holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from serving.decision.errors import BadRequest
from serving.decision.providers.client_intent import Api
from serving.decision.providers.json_patch import Json

DIALECTS: Mapping[str, Api] = MappingProxyType(
    {
        "chat": "chat",
        "openai": "chat",
        "openai-chat": "chat",
        "responses": "responses",
        "openai-responses": "responses",
        "messages": "messages",
        "anthropic": "messages",
        "gemini": "gemini",
        "openrouter": "openrouter",
    }
)
"""Every name under which a caller may name a body's shape."""
_ANTHROPIC_ONLY = ("anthropic_version", "stop_sequences", "system", "output_config")
_CHAT_ONLY = ("reasoning_effort", "max_completion_tokens", "chat_template_kwargs", "response_format", "stream_options")
_PATHS: Sequence[tuple[re.Pattern[str], Api]] = (
    (re.compile(r"/openai/deployments/(?P<model>[^/]+)/chat/completions$"), "chat"),
    (re.compile(r"/chat/completions$"), "chat"),
    (re.compile(r"/responses$"), "responses"),
    (re.compile(r"/messages$"), "messages"),
    (re.compile(r"/models/(?P<model>[^/:]+):(?:streamG|g)enerateContent$"), "gemini"),
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a URL path tells of a call.

    Parameters
    ----------
    model
        Where the path names it (Gemini, Azure), else None.
    """

    api: Api
    model: str | None


def endpoint_of(path: str) -> Endpoint | None:
    """Tell the shape, and the model where it is there, from a URL path; None for a path that is no model call.

    Examples
    --------
    >>> endpoint_of("/v1beta/models/gemini-2.5-flash:generateContent?alt=sse")
    Endpoint(api='gemini', model='gemini-2.5-flash')
    >>> endpoint_of("/v1/embeddings") is None
    True
    """
    bare = path.partition("?")[0].rstrip("/")
    for pattern, api in _PATHS:
        found = pattern.search(bare)
        if found is not None:
            return Endpoint(api, found.groupdict().get("model"))
    return None


def detect(body: Mapping[str, Json]) -> Api:
    """Tell whose shape a body has.

    OpenAI chat and Anthropic share `messages`: what only one of them has decides, and without any sign it is chat. An
    OpenRouter body looks like chat; only its `reasoning` object gives it away.

    Raises
    ------
    BadRequest
        It is no model call.

    Examples
    --------
    >>> detect({"messages": [], "max_tokens": 9, "system": "Be brief."}), detect({"input": "Hi"})
    ('messages', 'responses')
    """
    if "contents" in body:
        return "gemini"
    turns = body.get("messages")
    if isinstance(turns, list):
        if isinstance(body.get("reasoning"), dict):
            return "openrouter"
        if any(key in body for key in _CHAT_ONLY):
            return "chat"
        return "messages" if any(key in body for key in _ANTHROPIC_ONLY) or _anthropic_parts(body, turns) else "chat"
    if "input" in body:
        return "responses"
    raise BadRequest("the body has neither messages, input nor contents: send the body of a model call as it is")


def dialect(name: str) -> Api:
    """Give the shape that a caller names.

    Raises
    ------
    BadRequest
        The name is not known; it says which are.
    """
    found = DIALECTS.get(name.strip().lower())
    if found is None:
        raise BadRequest(f"unknown dialect: use one of {', '.join(DIALECTS)}")
    return found


def _anthropic_parts(body: Mapping[str, Json], turns: list[Json]) -> bool:
    tools, thinking = body.get("tools"), body.get("thinking")
    if isinstance(tools, list) and any(has(tool, "input_schema") for tool in tools):
        return True
    if isinstance(thinking, dict) and ("budget_tokens" in thinking or thinking.get("type") == "adaptive"):
        return True
    if str(body.get("model", "")).startswith("claude") and "max_tokens" in body:
        return True
    contents = [turn.get("content") for turn in turns if isinstance(turn, dict)]
    return any(
        kind_of(part) in ("tool_use", "tool_result", "thinking", "redacted_thinking")
        for content in contents
        if isinstance(content, list)
        for part in content
    )


def kind_of(part: Json) -> Json:
    """Give the `type` of a content part; None where it has none."""
    return part.get("type") if isinstance(part, dict) else None


def has(part: Json, *keys: str) -> bool:
    """Tell whether a value is an object with one of the keys."""
    return isinstance(part, dict) and any(key in part for key in keys)
