"""A call of a LiteLLM proxy: the request as LiteLLM holds it, and the deployments behind its model groups.

A group's name (`model_name` in LiteLLM's configuration) says nothing about the provider; its deployments do. What
LiteLLM itself takes for a deployment comes with them: it refuses a call over a parameter that its own tables lack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from serving.decision.errors import BadRequest
from serving.decision.providers.endpoints import Api
from serving.decision.providers.json_patch import Body, Json
from serving.decision.types import EFFORTS, HOSTS, Effort

CALL_TYPES: Mapping[str, Api] = MappingProxyType(
    {
        "completion": "chat",
        "acompletion": "chat",
        "anthropic_messages": "messages",
        "responses": "responses",
        "aresponses": "responses",
    }
)
"""LiteLLM's names of calls, and whose form their request has."""
_HOSTS: Mapping[str, str] = MappingProxyType(
    {
        "azure_ai": "azure",
        "bedrock_converse": "bedrock",
        "cohere_chat": "cohere",
        "fireworks_ai": "fireworks",
        "gemini": "google",
        "hosted_vllm": "vllm",
        "nvidia_nim": "nvidia",
        "ollama_chat": "ollama",
        "together_ai": "together",
        "vercel_ai_gateway": "vercel",
        "vertex_ai": "vertex",
        "vertex_ai_beta": "vertex",
    }
)
"""LiteLLM's names of providers that the rules call otherwise."""
_MAX_GROUPS = 1000
_MAX_DEPLOYMENTS = 16


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of a model group.

    Parameters
    ----------
    model
        The provider's model: `base_model` where the operator gave one (Azure deployments, ARNs), else LiteLLM's.
    provider
        LiteLLM's name of the provider, such as `azure` or `hosted_vllm`; empty where it is not known.
    efforts
        Values of `reasoning_effort` that LiteLLM takes for it; None where that was not said.
    thinking
        Whether LiteLLM takes `thinking` for it.
    """

    model: str
    provider: str
    efforts: frozenset[Effort] | None = None
    thinking: bool = True

    @property
    def host(self) -> str:
        """The provider as the rules name it; empty for `openai`, which LiteLLM calls any server of that form."""
        name = _HOSTS.get(self.provider, self.provider)
        return name if name in HOSTS and name != "openai" else ""


@dataclass(frozen=True, slots=True)
class ProxyCall:
    """One call of the proxy.

    Parameters
    ----------
    api
        Form of the request.
    request
        As LiteLLM holds it; `model` is the group.
    groups
        Deployments by group, as far as the caller may use them.
    """

    api: Api
    request: Body
    groups: Mapping[str, tuple[Deployment, ...]]

    @property
    def group(self) -> str:
        """The group that the client asked for."""
        return str(self.request["model"])

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """Deployments of the client's group; the name itself counts as the model where none were given."""
        return self.groups.get(self.group) or (_from_name(self.group),)


def parse_proxy_call(envelope: Mapping[str, Json]) -> ProxyCall:
    """Parse the body of the litellm dialect: `call_type`, `request` and `groups`.

    Raises
    ------
    BadRequest
        A part is missing or of another type, or the call is none that can be decided on; the part is named.

    Examples
    --------
    >>> deployment = {"model": "azure/chat-prod", "base_model": "azure/gpt-5.1"}
    >>> call = parse_proxy_call({"call_type": "acompletion", "request": {"model": "g"}, "groups": {"g": [deployment]}})
    >>> call.api, call.deployments[0].model, call.deployments[0].provider
    ('chat', 'azure/gpt-5.1', 'azure')
    """
    call_type, request, groups = envelope.get("call_type"), envelope.get("request"), envelope.get("groups")
    api = CALL_TYPES.get(call_type) if isinstance(call_type, str) else None
    if api is None:
        raise BadRequest(f"call_type must be one of {', '.join(CALL_TYPES)}: other calls are not decided on")
    if not isinstance(request, dict):
        raise BadRequest("request must be an object: the call's data as LiteLLM holds it")
    model = request.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("request names no model: send the model group of the call")
    if groups is not None and not isinstance(groups, dict):
        raise BadRequest("groups must be an object: lists of deployments by model group")
    listed = list((groups or {}).items())[:_MAX_GROUPS]
    return ProxyCall(api, request, {name: _deployments(name, raw) for name, raw in listed})


def _deployments(group: str, raw: Json) -> tuple[Deployment, ...]:
    if not isinstance(raw, list):
        raise BadRequest(f"groups[{group[:64]!r}] must be a list of deployments")
    return tuple(dict.fromkeys(_deployment(group, entry) for entry in raw[:_MAX_DEPLOYMENTS]))


def _deployment(group: str, raw: Json) -> Deployment:
    model = raw.get("model") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(model, str) or not model:
        raise BadRequest(f"groups[{group[:64]!r}] has a deployment without model: send litellm_params.model")
    base, provider, efforts = raw.get("base_model"), raw.get("provider"), raw.get("efforts")
    return Deployment(
        model=base if isinstance(base, str) and base else model,
        provider=provider if isinstance(provider, str) and provider else _from_name(model).provider,
        efforts=frozenset(one for one in EFFORTS if one in efforts) if isinstance(efforts, list) else None,
        thinking=raw.get("thinking") is not False,
    )


def _from_name(model: str) -> Deployment:
    head, slash, _ = model.partition("/")
    return Deployment(model, head if slash else _MAKERS.get(model.partition("-")[0], ""))


_MAKERS = {"gpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "claude": "anthropic", "gemini": "gemini"}
