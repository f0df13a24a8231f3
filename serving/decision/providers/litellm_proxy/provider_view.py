"""A proxy's request as its provider will read it: the view that the rewrite rules judge and change.

LiteLLM translates a call into the provider's form. The rules know providers, not LiteLLM, so they get the parts of the
call that they look at in the provider's own form: limits, sampling, forced tools, turns, what the client stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.client_intent import client_effort
from serving.decision.providers.endpoints import Api, part_type
from serving.decision.providers.json_patch import Body, Json
from serving.decision.providers.litellm_proxy.proxy_call import Deployment
from serving.decision.providers.rules import forces_tool, has_function_tools

_CLAUDE_HOSTS: Final = frozenset({"anthropic", "bedrock", "bedrock_converse", "vertex_ai", "azure_ai"})
_GEMINI_HOSTS: Final = frozenset({"gemini", "vertex_ai", "vertex_ai_beta"})
_OPENAI_HOSTS: Final = frozenset({"openai", "azure"})
_LIMITS: Final[Mapping[Api, tuple[str, ...]]] = MappingProxyType(
    {"chat": ("max_completion_tokens", "max_tokens"), "messages": ("max_tokens",), "responses": ("max_output_tokens",)}
)
_SAMPLING: Final = ("temperature", "top_p", "top_k")


def provider_api(request: Body, api: Api, deployment: Deployment) -> Api:
    """Tell in whose form the provider of a deployment gets a call.

    Examples
    --------
    >>> provider_api({}, "chat", Deployment("bedrock/us.anthropic.claude-sonnet-4-5", "bedrock"))
    'messages'
    """
    name, provider = deployment.model.lower(), deployment.provider
    if provider == "openrouter":
        return "openrouter"
    if "claude" in name and provider in _CLAUDE_HOSTS:
        return "messages"
    if "gemini" in name and provider in _GEMINI_HOSTS:
        return "gemini"
    if provider in _OPENAI_HOSTS and (api == "responses" or _is_bridged(request, deployment)):
        return "responses"
    return "chat"


def limit_key(request: Body, api: Api) -> str | None:
    """Give the request's own key of its limit on output tokens; None where it sets none."""
    return next((key for key in _LIMITS[api] if request.get(key) is not None), None)


def view_limit(view: Body, view_api: Api) -> Json:
    """Give the limit on output tokens of a view."""
    if view_api == "gemini":
        settings = view.get("generationConfig")
        return settings.get("maxOutputTokens") if isinstance(settings, dict) else None
    return view.get(_view_key(view_api, view))


def provider_view(request: Body, api: Api, view_api: Api, model: str, deployment: Deployment) -> Body:
    """Show a request in a provider's form.

    Parameters
    ----------
    request, api
        As LiteLLM holds it, and its form.
    view_api
        The provider's form.
    model
        The provider's model that the client asked for.
    deployment
        The one that is to answer.
    """
    view: Body = dict(request)
    view["model"] = model
    key = limit_key(request, api)
    limit = None if key is None else view.pop(key)
    if view_api == "gemini":
        return _gemini_view(request, api, model, limit)
    if limit is not None:
        view[_new_key(view_api, key, deployment)] = limit
    if api == view_api:
        return view
    turns = _turns(request, api)
    for name in ("messages", "input", "contents"):
        view.pop(name, None)
    if view_api == "responses":
        view["input"] = [_item(turn) for turn in turns]
    else:
        view["messages"] = [_with_thinking(turn) for turn in turns]
    if forces_tool(request):
        view["tool_choice"] = {"type": "any"} if view_api == "messages" else "required"
    return view


def _gemini_view(request: Body, api: Api, model: str, limit: Json) -> Body:
    settings: Body = {key: request[key] for key in _SAMPLING if request.get(key) is not None}
    if limit is not None:
        settings["maxOutputTokens"] = limit
    stated = client_effort(request, api)
    if stated is not None:
        settings["thinkingConfig"] = {"thinkingLevel": stated}
    # Roles and tool calls of a chat turn are read the same in every form but Responses.
    view: Body = {"model": model, "contents": _turns(request, api), "generationConfig": settings}
    if request.get("tools"):
        view["tools"] = request["tools"]
    if forces_tool(request):
        view["toolConfig"] = {"functionCallingConfig": {"mode": "ANY"}}
    return view


def _new_key(view_api: Api, key: str | None, deployment: Deployment) -> str:
    if view_api == "chat":
        # LiteLLM renames the limit for OpenAI's own models; other servers get it as it is.
        return "max_completion_tokens" if deployment.provider in _OPENAI_HOSTS else key or "max_tokens"
    return _LIMITS[view_api][0] if view_api in _LIMITS else "max_tokens"


def _view_key(view_api: Api, view: Body) -> str:
    return next((key for key in _LIMITS.get(view_api, ("max_tokens",)) if key in view), "max_tokens")


def _is_bridged(request: Body, deployment: Deployment) -> bool:
    """Tell whether LiteLLM moves a chat call to Responses: where chat takes no function tools beside an effort."""
    rule = find_capability(deployment.model, deployment.host, "chat").tools_effort
    return rule != "ok" and has_function_tools(request)


def _turns(request: Body, api: Api) -> list[Json]:
    """Give the turns of a request as chat turns; Anthropic's are left as they are."""
    raw = request.get("input" if api == "responses" else "messages")
    if isinstance(raw, str):
        return [{"role": "user", "content": raw}]
    turns = raw if isinstance(raw, list) else []
    return [_turn(item) for item in turns if part_type(item) != "reasoning"] if api == "responses" else turns


def _turn(item: Json) -> Json:
    kind = str(part_type(item))
    if kind.endswith("call_output"):
        return {"role": "tool", "content": ""}
    if kind.endswith("_call"):
        return {"role": "assistant", "content": None, "tool_calls": [{}]}
    return item


def _item(turn: Json) -> Json:
    if not isinstance(turn, dict):
        return turn
    if turn.get("role") in ("tool", "function"):
        return {"type": "function_call_output", "output": ""}
    return {"type": "function_call"} if turn.get("tool_calls") else turn


def _with_thinking(turn: Json) -> Json:
    """Show an assistant turn's thinking, which LiteLLM keeps beside the content, as a part of it."""
    if not isinstance(turn, dict) or not turn.get("thinking_blocks"):
        return turn
    content = turn.get("content")
    parts: list[Json] = content if isinstance(content, list) else []
    return {**turn, "content": [{"type": "thinking"}, *parts]}
