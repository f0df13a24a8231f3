"""Facts from the model profiles of pydantic-ai (rules in code, tried live by its authors) and of LangChain (tables).

pydantic-ai's rules are evaluated for first-party names in an environment of their own (`PROFILE_PROGRAM`), which writes
them as JSON; LangChain's tables are plain assignments and are read without importing LangChain.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from training.capabilities.facts import Fact

PROFILE_PROGRAM = """
import json, sys
from pydantic_ai.profiles import anthropic, google, grok, groq, openai, zai
of = {"openai": openai.openai_model_profile, "anthropic": anthropic.anthropic_model_profile,
      "google": google.google_model_profile, "xai": grok.grok_model_profile, "zai": zai.zai_model_profile,
      "groq": groq.groq_model_profile}
plain = lambda value: sorted(map(str, value)) if isinstance(value, (set, frozenset)) else value
answer = {}
for host, names in json.load(sys.stdin).items():
    for name in names:
        profile = of[host](name) or {}
        answer.setdefault(host, {})[name] = {
            key: plain(value) for key, value in profile.items() if isinstance(value, (bool, str, set, frozenset))}
json.dump(answer, sys.stdout)
"""
"""Reads `{host: [model, ...]}`, writes `{host: {model: profile}}`; runs where pydantic-ai-slim is installed."""

PROFILED_HOSTS = ("openai", "anthropic", "google", "xai", "zai", "groq")


def pydantic_facts(profiles: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[Fact]:
    """Yield the facts of pydantic-ai's evaluated profiles."""
    for host, models in profiles.items():
        for model, profile in models.items():
            if not profile.get("supports_thinking"):
                continue
            fact = _PROFILES[host](model, profile)
            if fact is not None:
                yield fact


def _openai(model: str, profile: Mapping[str, Any]) -> Fact | None:
    stated = profile.get("openai_reasoning_efforts")
    off = bool(profile.get("openai_supports_reasoning_effort_none"))
    default = "none" if off and profile.get("thinking_enabled_by_default") is False else ""
    return Fact(
        "openai",
        model,
        reasons=True,
        efforts=_ordered(stated) if stated else None,
        off=off,
        default=default or ("on" if profile.get("thinking_enabled_by_default") else ""),
        sampling="only_at_none" if off else "refused",
    )


def _anthropic(model: str, profile: Mapping[str, Any]) -> Fact | None:
    adaptive = bool(profile.get("anthropic_supports_adaptive_thinking"))
    between = bool(profile.get("anthropic_disables_thinking_with_between_tools"))
    efforts = ["low", "medium", "high"] if profile.get("anthropic_supports_effort") else None
    if efforts is not None and adaptive:
        efforts += ["xhigh"] if profile.get("anthropic_supports_xhigh_effort") else []
        efforts += ["max"] if profile.get("anthropic_supports_max_effort") else []
    return Fact(
        "anthropic",
        model,
        reasons=True,
        efforts=tuple(efforts) if efforts else None,
        off=not profile.get("thinking_always_enabled"),
        off_word="between_tools" if between else "",
        default="on" if profile.get("thinking_enabled_by_default") else "off",
        sampling="refused" if profile.get("anthropic_disallows_sampling_settings") else "not_while_thinking",
        forced_tools="refused" if profile.get("supports_forced_tool_choice") is False else "",
        history="signed" if profile.get("anthropic_binds_thinking_blocks") else "",
        above_high="refused" if profile.get("anthropic_disallows_top_effort_when_thinking_disabled") else "",
        wire="anthropic-adaptive" if adaptive else "anthropic",
    )


def _google(model: str, profile: Mapping[str, Any]) -> Fact | None:
    if not profile.get("google_supports_thinking_level"):
        return Fact("google", model, reasons=True, off=False if profile.get("thinking_always_enabled") else None)
    stated = profile.get("google_thinking_levels")
    return Fact(
        "google",
        model,
        reasons=True,
        efforts=_ordered([level.lower() for level in stated]) if stated else None,
        refuses=() if profile.get("google_supports_minimal_thinking_level") else ("minimal",),
        off=False,
        wire="google-level",
    )


def _xai(model: str, profile: Mapping[str, Any]) -> Fact | None:
    stated = profile.get("grok_reasoning_efforts")
    if not stated:
        return None
    return Fact(
        "xai",
        model,
        reasons=True,
        efforts=_ordered([effort for effort in stated if effort != "none"]),
        off="none" in stated,
        default="on" if profile.get("thinking_enabled_by_default") else "",
    )


def _zai(model: str, profile: Mapping[str, Any]) -> Fact | None:
    mapped = profile.get("zai_reasoning_effort_mapping")
    del mapped  # which efforts are distinct stands in the overrides
    return Fact("zai", model, reasons=True, off=not profile.get("thinking_always_enabled"))


def _groq(model: str, profile: Mapping[str, Any]) -> Fact | None:
    if profile.get("groq_supports_graded_reasoning_effort"):
        return Fact("groq", model, reasons=True, efforts=("low", "medium", "high"), off=False)
    return Fact("groq", model, reasons=True, off=bool(profile.get("groq_supports_reasoning_disable")))


_PROFILES = {
    "openai": _openai,
    "anthropic": _anthropic,
    "google": _google,
    "xai": _xai,
    "zai": _zai,
    "groq": _groq,
}
_ORDER = ("minimal", "low", "medium", "high", "xhigh", "max")


def _ordered(efforts: list[str]) -> tuple[str, ...]:
    return tuple(effort for effort in _ORDER if effort in efforts)


def langchain_facts(host: str, text: str) -> Iterator[Fact]:
    """Yield the facts of one of LangChain's `_profiles.py`, from its text."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "_PROFILES":
            assert node.value is not None
            for model, profile in ast.literal_eval(node.value).items():
                yield _langchain_fact(host, model, profile)


def _langchain_fact(host: str, model: str, profile: Mapping[str, Any]) -> Fact:
    if not profile.get("reasoning_output"):
        return Fact(host, model, reasons=False)
    levels = profile.get("reasoning_effort_levels")
    return Fact(
        host,
        model,
        reasons=True,
        efforts=tuple(level for level in levels if level != "none") if levels else None,
        off="none" in levels if levels and host != "anthropic" else None,
        default=profile.get("reasoning_effort_default", ""),
        out=profile.get("max_output_tokens"),
    )
