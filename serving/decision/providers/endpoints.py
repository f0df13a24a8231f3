"""Endpoint formats: the format of a request body, from its URL path, from its name or from the body itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal
from urllib.parse import unquote

from serving.decision.errors import BadRequest
from serving.decision.providers.hosts import find_host
from serving.decision.providers.json_patch import Json

Api = Literal["chat", "responses", "messages", "gemini", "openrouter", "converse", "cohere"]
"""Endpoint format: whose request body it is."""
PROXY_DIALECT = "litellm"
"""Name of the dialect whose body wraps one of these formats: the call of a LiteLLM proxy."""

API_NAMES: Mapping[str, Api] = MappingProxyType(
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
        "converse": "converse",
        "cohere": "cohere",
    }
)
"""Names by which a caller may state a body's format."""
_ANTHROPIC_ONLY = ("anthropic_version", "stop_sequences", "system", "output_config")
_CHAT_ONLY = ("reasoning_effort", "max_completion_tokens", "chat_template_kwargs", "response_format", "stream_options")
_PATHS: Sequence[tuple[re.Pattern[str], Api]] = (
    (re.compile(r"/openai/deployments/(?P<model>[^/]+)/chat/completions$"), "chat"),
    (re.compile(r"/chat/completions$"), "chat"),
    (re.compile(r"/responses$"), "responses"),
    (re.compile(r"/messages$"), "messages"),
    (re.compile(r"/models/(?P<model>[^/:]+):(?:streamG|g)enerateContent$"), "gemini"),
    (re.compile(r"/endpoints/(?P<model>[^/:]+):(?:streamG|g)enerateContent$"), "gemini"),  # tuned, at Vertex AI
    (re.compile(r"/publishers/anthropic/models/(?P<model>[^/:]+):(?:streamR|r)awPredict$"), "messages"),
    (re.compile(r"/publishers/(?!google|anthropic)[^/]+/models/(?P<model>[^/:]+):(?:streamR|r)awPredict$"), "chat"),
    (re.compile(r"/model/(?P<model>.+)/converse(?:-stream)?$"), "converse"),
    (re.compile(r"/model/(?P<model>(?:.*[./])?anthropic\..+)/invoke(?:-with-response-stream)?$"), "messages"),
    (
        re.compile(
            r"/model/(?P<model>(?:.*[./])?(?:openai|qwen|deepseek|moonshot|minimax|zai|mistral|nvidia|google)\..+)"
            r"/invoke(?:-with-response-stream)?$"
        ),
        "chat",
    ),
    (re.compile(r"/v2/chat$"), "cohere"),
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Endpoint format and model of a URL path.

    Parameters
    ----------
    model
        None unless the path contains it (Gemini, Azure, Bedrock, Vertex AI).
    host
        Who serves the call: one of `HOSTS`; empty where the URL does not tell.
    """

    api: Api
    model: str | None
    host: str = ""


def parse_path(path: str, authority: str = "") -> Endpoint | None:
    """Parse the path of a URL, and its authority where that is known; None for a path that is no model call.

    Examples
    --------
    >>> parse_path("/v1beta/models/gemini-2.5-flash:generateContent?alt=sse")
    Endpoint(api='gemini', model='gemini-2.5-flash', host='')
    >>> parse_path("/api/v1/chat/completions", "openrouter.ai")
    Endpoint(api='openrouter', model=None, host='openrouter')
    >>> parse_path("/v1/embeddings") is None
    True
    """
    bare = path.partition("?")[0].rstrip("/")
    for pattern, api in _PATHS:
        found = pattern.search(bare)
        if found is not None:
            model, host = found.groupdict().get("model"), find_host(authority, bare)
            api = "openrouter" if api == "chat" and host == "openrouter" else api
            if model is not None and "%" in model:
                model = unquote(model)
            return Endpoint(api, model, host)
    return None


def detect_api(body: Mapping[str, Json]) -> Api:
    """Detect the endpoint format of a body.

    OpenAI chat and Anthropic share `messages`: a key that only one of them has decides, and without one it is chat. An
    OpenRouter body differs from chat by its `reasoning` object only.

    Raises
    ------
    BadRequest
        It is no model call.

    Examples
    --------
    >>> detect_api({"messages": [], "max_tokens": 9, "system": "Be brief."}), detect_api({"input": "Hi"})
    ('messages', 'responses')
    """
    if "contents" in body:
        return "gemini"
    turns = body.get("messages")
    if isinstance(turns, list):
        if "inferenceConfig" in body or "additionalModelRequestFields" in body:
            return "converse"
        if isinstance(body.get("reasoning"), dict):
            return "openrouter"
        if any(key in body for key in _CHAT_ONLY):
            return "chat"
        return "messages" if any(key in body for key in _ANTHROPIC_ONLY) or _is_anthropic(body, turns) else "chat"
    if "input" in body:
        return "responses"
    raise BadRequest("the body has neither messages, input nor contents: send the body of a model call as it is")


def parse_api_name(name: str) -> Api:
    """Parse the name of an endpoint format.

    Raises
    ------
    BadRequest
        The name is not known; it says which are.
    """
    found = API_NAMES.get(name.strip().lower())
    if found is None:
        raise BadRequest(f"unknown dialect: use one of {', '.join(API_NAMES)}")
    return found


def _is_anthropic(body: Mapping[str, Json], turns: list[Json]) -> bool:
    tools, thinking = body.get("tools"), body.get("thinking")
    if isinstance(tools, list) and [tool for tool in tools if isinstance(tool, dict) and "input_schema" in tool]:
        return True
    if isinstance(thinking, dict) and ("budget_tokens" in thinking or thinking.get("type") == "adaptive"):
        return True
    if str(body.get("model", "")).startswith("claude") and "max_tokens" in body:
        return True
    for turn in turns:
        content = turn.get("content") if isinstance(turn, dict) else None
        if isinstance(content, list):
            for part in content:
                if part_type(part) in ("tool_use", "tool_result", "thinking", "redacted_thinking"):
                    return True
    return False


def part_type(part: Json) -> Json:
    """Give the `type` of a content part; None where it has none."""
    return part.get("type") if isinstance(part, dict) else None


def has_key(part: Json, *keys: str) -> bool:
    """Tell whether a value is an object with one of the keys."""
    return isinstance(part, dict) and any(key in part for key in keys)
