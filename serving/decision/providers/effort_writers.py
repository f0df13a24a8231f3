"""Effort writers: set an effort in a request body, one writer per reasoning switch and endpoint format.

A writer changes nothing but its own switch and, where hidden tokens count against the client's limit on output tokens,
that limit: otherwise thinking would leave no tokens for the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from types import MappingProxyType

from serving.decision.providers import writers
from serving.decision.providers.capabilities import Capability
from serving.decision.providers.client_preferences import drop_foreign_forms
from serving.decision.providers.endpoints import Api
from serving.decision.providers.json_patch import Body
from serving.decision.providers.writers import EffortChange, Writer, child_object

__all__ = ["EffortChange", "child_object", "has_switch", "narrow", "strip_effort", "write_effort"]


def write_effort(body: Body, api: Api, change: EffortChange) -> bool:
    """Write an effort into `body`, in place; False where this model has no switch at this endpoint."""
    writer = _writer(change.capability, api)
    if writer is None:
        return False
    writer(body, change)
    return True


def has_switch(capability: Capability, api: Api) -> bool:
    """Tell whether a model's effort can be set at this endpoint."""
    return _writer(capability, api) is not None


@lru_cache(maxsize=1024)
def narrow(capability: Capability, api: Api) -> Capability:
    """Give a capability as an endpoint has it: Claude's chat completions know adaptive thinking, and no effort.

    Examples
    --------
    >>> from serving.decision.providers.capabilities import find_capability
    >>> narrow(find_capability("claude-opus-4-6"), "chat").efforts
    ('none', 'high')
    """
    if capability.switch != "anthropic_adaptive" or api != "chat":
        return capability
    usual = capability.default if capability.default in capability.efforts else "high"
    on = "high" if usual in (None, "none", "on") or usual not in capability.efforts else usual
    return replace(capability, efforts=("none", on) if capability.efforts[0] == "none" else (on,))


def strip_effort(body: Body) -> None:
    """Remove every reasoning switch, in place: what one model accepts, another may reject."""
    for key in ("reasoning_effort", "reasoning", "thinking"):
        body.pop(key, None)
    drop_foreign_forms(body)
    for parent, keys in _NESTED:
        child = body.get(parent)
        if isinstance(child, dict):
            for key in keys:
                child.pop(key, None)
            if not child:
                del body[parent]
    wanted = body.get("include")
    if isinstance(wanted, list):
        body["include"] = [name for name in wanted if not str(name).startswith("reasoning.")]


_NESTED = (
    ("output_config", ("effort",)),
    ("chat_template_kwargs", ("enable_thinking", "thinking")),
    ("chat_template_args", ("enable_thinking", "thinking")),
    ("generationConfig", ("thinkingConfig", "thinking_config")),
    ("generation_config", ("thinkingConfig", "thinking_config")),
    ("additionalModelRequestFields", ("thinking", "output_config", "reasoningConfig", "reasoning_effort")),
)


def _writer(capability: Capability, api: Api) -> Writer | None:
    if capability.own is not None:
        return partial(writers.own_switch, capability.own)
    switch = capability.switch
    if api == "openrouter" and switch != "fixed":
        switch = "reasoning_object"
    return _WRITERS.get((switch, api))


_WRITERS: Mapping[tuple[str, str], Writer] = MappingProxyType(
    {
        ("openai_effort", "chat"): writers.openai_chat,
        ("openai_effort", "responses"): writers.openai_responses,
        ("openai_effort", "converse"): writers.converse_effort,
        ("oss_effort", "chat"): writers.oss_effort,
        ("oss_effort", "responses"): writers.openai_responses,
        ("oss_effort", "converse"): writers.converse_effort,
        ("plain_effort", "chat"): writers.plain_effort,
        ("plain_effort", "responses"): writers.openai_responses,
        ("plain_effort", "cohere"): writers.cohere_thinking,
        ("plain_effort", "converse"): writers.converse_effort,
        ("groq_effort", "chat"): writers.groq_effort,
        ("reasoning_object", "openrouter"): writers.reasoning_object,
        ("reasoning_object", "chat"): writers.reasoning_object,
        ("reasoning_object", "responses"): writers.openai_responses,
        ("reasoning_object", "messages"): writers.messages_normalised,
        ("reasoning_enabled", "chat"): writers.reasoning_enabled,
        ("anthropic_budget", "messages"): writers.messages_budget,
        ("anthropic_budget", "chat"): writers.chat_budget,
        ("anthropic_budget", "converse"): writers.converse_budget,
        ("anthropic_adaptive", "messages"): writers.messages_adaptive,
        ("anthropic_adaptive", "chat"): writers.chat_adaptive,
        ("anthropic_adaptive", "converse"): writers.converse_adaptive,
        ("bedrock", "converse"): writers.converse,
        ("gemini_budget", "gemini"): writers.thinking_config,
        ("gemini_budget", "chat"): writers.gemini_chat,
        ("gemini_level", "gemini"): writers.thinking_config,
        ("gemini_level", "chat"): writers.gemini_chat,
        ("enable_thinking", "chat"): writers.enable_thinking,
        ("thinking_type", "chat"): writers.thinking_type,
        ("thinking_type", "messages"): writers.messages_thinking,
        ("thinking_type", "cohere"): writers.cohere_thinking,
        ("thinking_adaptive", "chat"): writers.thinking_adaptive,
        ("thinking_adaptive", "messages"): writers.thinking_adaptive,
        ("template_enable_thinking", "chat"): writers.template_argument(
            "chat_template_kwargs", "enable_thinking", always_said=True
        ),
        ("template_thinking", "chat"): writers.template_argument("chat_template_kwargs", "thinking", always_said=False),
        ("template_args", "chat"): writers.template_argument("chat_template_args", "enable_thinking", always_said=True),
    }
)
