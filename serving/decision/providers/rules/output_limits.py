"""The client's limit on output tokens: does it ask for a label, does it leave room to think."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.endpoints import Api
from serving.decision.providers.json_patch import Body, Json
from serving.decision.providers.rules.target import Target

SHORT_ANSWER_TOKENS: Final = 100
"""A lower limit asks for a label, a title or a line: no thinking, and the limit is never raised."""
LEAST_ROOM_TOKENS: Final = 2048
"""Where a limit is not raised: the least that leaves room for some thinking and an answer, 1,024 tokens each."""

_OWN_SERVERS: Final = ("oss_effort", "template_enable_thinking", "template_thinking")
"""Their limit depends on how they were started."""
_WITHOUT_REASONING: Final = (
    (re.compile(r"(?:^|/)(?:gpt-4o|gpt-5(?:\.\d+)?-chat)", re.IGNORECASE), 16_384),
    (re.compile(r"(?:^|/)gpt-4\.1", re.IGNORECASE), 32_768),
)
"""Most output tokens of models without reasoning, which no table of capabilities lists (OpenAI's model pages)."""
_KEYS: Final[Mapping[Api, tuple[str, ...]]] = MappingProxyType(
    {
        "chat": ("max_completion_tokens", "max_tokens"),
        "openrouter": ("max_completion_tokens", "max_tokens"),
        "responses": ("max_output_tokens",),
        "messages": ("max_tokens",),
        "gemini": ("maxOutputTokens", "max_output_tokens"),
        "converse": ("maxTokens",),
        "cohere": ("max_tokens",),
    }
)


def output_limit(body: Mapping[str, Json], api: Api) -> int | None:
    """Read the client's limit on output tokens, hidden ones included; None where there is none, or none of sense.

    Examples
    --------
    >>> output_limit({"max_tokens": 16}, "chat"), output_limit({"generationConfig": {"maxOutputTokens": 9}}, "gemini")
    (16, 9)
    """
    place: Mapping[str, Json] = body
    if api == "gemini":
        settings = body.get("generationConfig", body.get("generation_config"))
        place = settings if isinstance(settings, dict) else {}
    if api == "converse":
        settings = body.get("inferenceConfig")
        place = settings if isinstance(settings, dict) else {}
    limits = [limit for key in _KEYS[api] if isinstance(limit := place.get(key), int) and not isinstance(limit, bool)]
    return min((limit for limit in limits if limit > 0), default=None)


def wants_short_answer(body: Mapping[str, Json], api: Api) -> bool:
    """Tell whether the limit asks for a label, a title or a line."""
    limit = output_limit(body, api)
    return limit is not None and limit < SHORT_ANSWER_TOKENS


def leaves_room(body: Mapping[str, Json], api: Api) -> bool:
    """Tell whether the limit leaves room to think and to answer."""
    limit = output_limit(body, api)
    return limit is None or limit >= LEAST_ROOM_TOKENS


def lower_limit(body: Body, target: Target) -> None:
    """Lower the limit of a moved body to what the new model can give, in place: a higher one is refused."""
    most = next((tokens for known, tokens in _WITHOUT_REASONING if known.search(target.known_as)), None)
    if most is None and target.capability.is_known and target.capability.switch not in _OWN_SERVERS:
        most = target.capability.output_tokens
    for key in _KEYS[target.api]:
        limit = body.get(key)
        if most is not None and isinstance(limit, int) and not isinstance(limit, bool) and limit > most:
            body[key] = most


def rename_limit(body: Body, api: Api, capability: Capability) -> None:
    """Rename the limit of a moved body, in place, for a model that accepts the newer name only."""
    if api == "chat" and capability.switch == "openai_effort" and "max_tokens" in body:
        body.setdefault("max_completion_tokens", body["max_tokens"])
        del body["max_tokens"]
