"""Facts from two npm packages of the pi coding agents: `@earendil-works/pi-ai` and `@oh-my-pi/pi-catalog`.

The first gives exact level maps (null = refused) where it has one, else only that a model reasons. The second pads its
ladders of efforts, so that only its flags are taken: always on, history, forced tools, sampling, wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from serving.decision.providers.capabilities import host_name
from training.capabilities.facts import Fact

_ENDPOINTS = {
    "openai-responses": "responses",
    "azure-openai-responses": "responses",
    "anthropic-messages": "messages",
    "google-generative-ai": "gemini",
    "bedrock-converse-stream": "converse",
}
_KINDS = {"image": "image", "classifier": "classifier", "embedding": "embedding", "speech": "speech"}
_WORDS = {"False": "refused", "True": "ok"}
_SKIPPED = ("openai-codex", "radius", "typesafe", "cursor", "devin", "local", "web", "yolo-auto")


def pi_ai_facts(providers: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[Fact]:
    """Yield the facts of pi-ai: one mapping a provider, of protocol to `kind:model` to its entry."""
    for provider, protocols in providers.items():
        if provider in _SKIPPED or provider.startswith("qwen-token"):
            continue
        for protocol, models in protocols.items():
            for entry in models.values():
                yield _pi_ai_fact(host_name(provider), protocol, entry)


def _pi_ai_fact(host: str, protocol: str, entry: Mapping[str, Any]) -> Fact:
    kind = _KINDS.get(entry.get("type", "chat"), "")
    if kind or not entry.get("reasoning"):
        return Fact(host, entry["id"], reasons=None if kind else False, kind=kind)
    compat = entry.get("compat") or {}
    levels = entry.get("thinkingLevelMap") or {}
    efforts = [level for level in levels if level != "off" and levels[level] is not None]
    exact = {"minimal", "low", "medium", "high"} <= set(levels)
    refuses = [level for level in levels if level != "off" and levels[level] is None]
    toggle = bool(compat) and not efforts and compat.get("supportsReasoningEffort") is False
    return Fact(
        host,
        entry["id"],
        reasons=True,
        efforts=tuple(efforts) if exact else None,
        allows=() if exact or toggle else tuple(efforts),
        refuses=() if exact or toggle else tuple(refuses),
        off=None if "off" not in levels else levels["off"] is not None,
        off_word=levels.get("off") or "",
        out=entry.get("maxTokens"),
        sampling="refused" if compat.get("supportsTemperature") is False else "",
        history="reasoning_content_on_all_turns" if compat.get("requiresReasoningContentOnAssistantMessages") else "",
        inband=True if compat.get("supportsMidConvoEffort") else None,
        wire=_pi_ai_wire(protocol, compat),
    )


def _pi_ai_wire(protocol: str, compat: Mapping[str, Any]) -> str:
    if protocol == "anthropic-messages":
        return "anthropic-adaptive" if compat.get("forceAdaptiveThinking") else "anthropic"
    form = compat.get("thinkingFormat")
    if form:
        return str(form)
    return _ENDPOINTS.get(protocol, "openai")


def pi_catalog_facts(providers: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[Fact]:
    """Yield the flags of pi-catalog for models that reason: one mapping a provider, of model to its entry."""
    for provider, models in providers.items():
        if provider in _SKIPPED:
            continue
        for model, entry in models.items():
            if entry.get("reasoning"):
                yield _pi_catalog_fact(host_name(provider), model, entry)


def _pi_catalog_fact(host: str, model: str, entry: Mapping[str, Any]) -> Fact:
    compat = entry.get("compat") or {}
    thinking = entry.get("thinking") or {}
    on_tools = compat.get("requiresReasoningContentForToolCalls")
    on_all = compat.get("requiresReasoningContentForAllAssistantTurns")
    history = "reasoning_content_on_all_turns" if on_all else "reasoning_content_on_tool_turns" if on_tools else ""
    forced = "refused" if compat.get("supportsForcedToolChoice") is False else ""
    if compat.get("disableReasoningOnForcedToolChoice") or compat.get("disableReasoningOnToolChoice"):
        forced = "not_while_thinking"
    mode = thinking.get("mode", "")
    wire = compat.get("thinkingFormat") or (mode if mode.startswith(("anthropic", "google")) else "")
    return Fact(
        host,
        model,
        reasons=True,
        off=False if thinking.get("requiresEffort") else None,
        out=entry.get("maxTokens"),
        sampling=_WORDS.get(str(compat.get("supportsSamplingParams")), ""),
        forced_tools=forced,
        history="signed" if thinking.get("prefixBinding") else history,
        inband=True if compat.get("supportsPerMessageEffort") or compat.get("supportsConfigurationUpdate") else None,
        wire=wire,
    )
