"""What Portkey and Plano send on of a body, by provider and endpoint: both drop the settings that they do not know.

Read from their sources: Portkey's provider configurations (gateway of May 2026), Plano's request types (`hermesllm`,
August 2026). A provider that is not listed here gets no setting of ours, for Portkey or Plano would drop it, or, as
with Gemini, translate it to something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from serving.decision import BadRequest
from serving.decision.providers import Api, parse_host, parse_path

_LIMITS: Final = frozenset({"max_tokens", "max_completion_tokens"})


@dataclass(frozen=True, slots=True)
class Forwarding:
    """How a gateway sends a call on.

    Parameters
    ----------
    api
        Endpoint format of the body.
    host
        Who serves the call: one of `HOSTS`; empty where that is not known.
    keys
        Settings of effort and limit at the top of the body that reach the provider as they are.
    """

    api: Api
    host: str = ""
    keys: frozenset[str] = frozenset()


def _at_chat(host: str, *words: str) -> Forwarding:
    return Forwarding("chat", host, _LIMITS | set(words))


_CLAUDE: Final = frozenset({"thinking", "max_tokens"})
_PORTKEY: Final[Mapping[tuple[str, str], Forwarding]] = MappingProxyType(
    {
        # `openai` is any server of that form: Portkey's configuration may name another address for it.
        ("chatComplete", "openai"): _at_chat("", "reasoning_effort"),
        ("chatComplete", "azure-openai"): _at_chat("azure", "reasoning_effort"),
        ("chatComplete", "azure-ai"): _at_chat("azure", "reasoning_effort"),
        ("chatComplete", "groq"): _at_chat("groq", "reasoning_effort"),
        ("chatComplete", "cerebras"): _at_chat("cerebras", "reasoning_effort"),
        ("chatComplete", "x-ai"): _at_chat("xai", "reasoning_effort"),
        ("chatComplete", "openrouter"): _at_chat("openrouter", "reasoning", "reasoning_effort"),
        ("chatComplete", "dashscope"): _at_chat("dashscope", "reasoning_effort", "enable_thinking", "thinking_budget"),
        ("chatComplete", "anthropic"): _at_chat("anthropic", "thinking"),
        ("messages", "anthropic"): Forwarding("messages", "anthropic", _CLAUDE),
        ("messages", "bedrock"): Forwarding("messages", "bedrock", _CLAUDE),
        ("messages", "vertex-ai"): Forwarding("messages", "vertex", _CLAUDE),
    }
)
_PORTKEY_APIS: Final[Mapping[str, Api]] = MappingProxyType({"chatComplete": "chat", "messages": "messages"})

_PLANO_HOSTS: Final[Mapping[str, str]] = MappingProxyType(
    {"amazon": "bedrock", "amazon_bedrock": "bedrock", "azure_openai": "azure", "openai": "", "together_ai": "together"}
)
"""Plano's names of providers that the rules call otherwise; `openai` may be any server of that form."""


def portkey_forwarding(request_type: object, provider: object) -> Forwarding | None:
    """Tell what Portkey sends on.

    Parameters
    ----------
    request_type, provider
        As the webhook's envelope names them.

    Returns
    -------
    Forwarding or None
        None for what is no chat: embeddings, completions, and whatever else Portkey may add.

    Examples
    --------
    >>> sorted(portkey_forwarding("messages", "bedrock").keys), portkey_forwarding("embed", "openai")
    (['max_tokens', 'thinking'], None)
    """
    if not isinstance(request_type, str) or request_type not in _PORTKEY_APIS:
        return None
    api = _PORTKEY_APIS[request_type]
    return _PORTKEY.get((request_type, provider), Forwarding(api)) if isinstance(provider, str) else Forwarding(api)


def plano_forwarding(path: str, model: str) -> Forwarding | None:
    """Tell what Plano sends on.

    Parameters
    ----------
    path
        Of the client's call: `/v1/chat/completions`, `/v1/messages` or `/v1/responses`.
    model
        As the client names it, by Plano's custom with the provider in front.

    Returns
    -------
    Forwarding or None
        None for what is no chat.

    Examples
    --------
    >>> found = plano_forwarding("/v1/chat/completions", "xai/grok-4.3")
    >>> found.host, "reasoning_effort" in found.keys, plano_forwarding("/v1/embeddings", "m")
    ('xai', True, None)
    """
    endpoint = parse_path(path)
    if endpoint is None or endpoint.api not in ("chat", "messages", "responses"):
        return None
    provider = model.partition("/")[0].lower() if "/" in model else ""
    host = _plano_host(provider)
    if endpoint.api == "chat" and host != "bedrock":
        return Forwarding("chat", host, _LIMITS | {"reasoning_effort"})
    # All others than these get a call of another form from Plano, without `thinking`.
    if endpoint.api == "messages" and (provider in ("anthropic", "vercel") or (not provider and "claude" in model)):
        return Forwarding("messages", host, _CLAUDE)
    return Forwarding(endpoint.api, host)  # of `/v1/responses` Plano drops `reasoning`


def _plano_host(provider: str) -> str:
    if provider in _PLANO_HOSTS:
        return _PLANO_HOSTS[provider]
    try:
        return parse_host(provider) if provider else ""
    except BadRequest:
        return ""
