"""Facts from LiteLLM's model map: level flags, always-on, defaults, sampling, forced tools, output limits, kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from serving.decision.providers.capabilities import host_name
from training.capabilities.facts import Fact

_LEVELS = ("minimal", "low", "xhigh", "max")
_KINDS = {
    "image_generation": "image",
    "image_edit": "image",
    "video_generation": "video",
    "audio_speech": "speech",
    "audio_transcription": "speech",
    "realtime": "live",
    "embedding": "embedding",
    "rerank": "rerank",
    "moderation": "moderation",
    "ocr": "ocr",
}


def litellm_facts(models: Mapping[str, Mapping[str, Any]]) -> Iterator[Fact]:
    """Yield the facts of LiteLLM's map of model to its entry."""
    for name, entry in models.items():
        provider = entry.get("litellm_provider")
        if name == "sample_spec" or not provider:
            continue
        kind = _KINDS.get(entry.get("mode") or "", "")
        if kind:
            yield Fact(host_name(provider), name, kind=kind)
        elif entry.get("mode") in ("chat", "responses") and entry.get("supports_reasoning") is not None:
            yield _litellm_fact(host_name(provider), name, entry)


def _litellm_fact(host: str, name: str, entry: Mapping[str, Any]) -> Fact:
    if not entry["supports_reasoning"]:
        return Fact(host, name, reasons=False)
    listed = entry.get("reasoning_effort_levels")
    flags = {level: entry.get(f"supports_{level}_reasoning_effort") for level in _LEVELS}
    default = entry.get("default_reasoning_effort") or ("on" if entry.get("thinking_on_by_default") else "")
    forced = {"True": "ok", "False": "refused"}.get(str(entry.get("supports_forced_tool_use")), "")
    return Fact(
        host,
        name,
        reasons=True,
        efforts=tuple(level for level in listed if level != "none") if listed else None,
        allows=tuple(level for level, flag in flags.items() if flag is True),
        refuses=tuple(level for level, flag in flags.items() if flag is False),
        off=_off(entry, listed),
        default=default,
        out=int(entry["max_output_tokens"]) if entry.get("max_output_tokens") else None,
        sampling="refused" if entry.get("supports_sampling_params") is False else "",
        forced_tools=forced,
        wire="anthropic-adaptive" if entry.get("supports_adaptive_thinking") else "",
    )


def _off(entry: Mapping[str, Any], listed: list[str] | None) -> bool | None:
    if listed and "none" in listed:
        return True
    none = entry.get("supports_none_reasoning_effort")
    if isinstance(none, bool):
        return none
    always = entry.get("thinking_always_on")
    return None if always is None else not always
