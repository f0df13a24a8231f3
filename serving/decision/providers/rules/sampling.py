"""Sampling settings that a model refuses: always, unless at effort none, or while it thinks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.json_patch import Json
from serving.decision.providers.rules.not_applied import ConflictKey
from serving.decision.providers.rules.target import Target

SamplingRule = Literal["ok", "ignored", "refused", "only_at_none", "not_while_thinking"]

_NEUTRAL: Final[tuple[tuple[ConflictKey, Json], ...]] = (
    ("temperature", 1),
    ("top_p", 1),
    ("presence_penalty", 0),
    ("frequency_penalty", 0),
    ("logit_bias", {}),
    ("logprobs", False),
    ("top_logprobs", 0),
)
"""OpenAI's settings, each with the value that asks for nothing: that one is always accepted."""
_FIXED: Final[tuple[tuple[ConflictKey, Json], ...]] = (
    ("temperature", None),
    ("top_p", None),
    ("top_k", None),
    ("n", 1),
    ("presence_penalty", 0),
    ("frequency_penalty", 0),
)
"""Kimi's: temperature and top_p are fixed, at other values with thinking than without, so none is right for both."""
_MIN_ANTHROPIC_TOP_P: Final = 0.95


def sampling_rule(capability: Capability) -> SamplingRule:
    """Give a model's rule; where no source states one, that of its switch.

    Examples
    --------
    >>> from serving.decision.providers.capabilities import find_capability
    >>> sampling_rule(find_capability("gpt-5.1")), sampling_rule(find_capability("claude-sonnet-4-5"))
    ('only_at_none', 'not_while_thinking')
    """
    if capability.sampling not in ("ok", "ignored"):
        return capability.sampling
    if capability.switch == "openai_effort":
        return "only_at_none" if "none" in capability.efforts else "refused"
    if capability.switch in ("anthropic_budget", "anthropic_adaptive"):
        return "not_while_thinking"
    return capability.sampling


def refused_sampling(body: Mapping[str, Json], target: Target) -> Iterator[ConflictKey]:
    """List the sampling settings of a body that the target refuses."""
    rule = sampling_rule(target.capability)
    if rule == "ignored":
        yield from _refused_penalties(body, target)
        return
    if rule == "ok" or (rule != "refused" and not target.thinks):
        if _is_anthropic(target.capability):
            yield from _both_samplers(body)
        return
    if _is_anthropic(target.capability):
        yield from _refused_by_anthropic(body, always=rule == "refused")
        return
    settings = _FIXED if target.capability.switch in ("thinking_type", "plain_effort") else _NEUTRAL
    yield from (key for key, neutral in settings if body.get(key) not in (None, neutral))


def _is_anthropic(capability: Capability) -> bool:
    return capability.switch in ("anthropic_budget", "anthropic_adaptive")


def _refused_by_anthropic(body: Mapping[str, Json], *, always: bool) -> Iterator[ConflictKey]:
    if body.get("temperature") not in (None, 1):
        yield "temperature"
    if body.get("top_k") is not None:
        yield "top_k"
    top_p = body.get("top_p")
    if top_p is not None and (always or not (isinstance(top_p, int | float) and top_p >= _MIN_ANTHROPIC_TOP_P)):
        yield "top_p"


def _both_samplers(body: Mapping[str, Json]) -> Iterator[ConflictKey]:
    """Claude from Opus 4.1 on takes temperature or top_p, not both."""
    if body.get("temperature") is not None and body.get("top_p") is not None:
        yield "top_p"


def _refused_penalties(body: Mapping[str, Json], target: Target) -> Iterator[ConflictKey]:
    """Gemini from 3.5 Flash-Lite on ignores temperature, and refuses penalties."""
    if target.moves and target.capability.switch == "gemini_level":
        if body.get("presence_penalty") not in (None, 0):
            yield "presence_penalty"
        if body.get("frequency_penalty") not in (None, 0):
            yield "frequency_penalty"
