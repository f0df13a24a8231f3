"""Client preferences: every form in which a client's body states a reasoning effort, as one table for all hosts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, cast

from serving.decision.providers.capabilities import BUDGET_TOKENS
from serving.decision.providers.json_patch import Body, Json
from serving.decision.types import EFFORTS, Effort

_SYNONYMS: Final[Mapping[Effort, tuple[str, ...]]] = MappingProxyType(
    {
        "none": ("off", "disable", "disabled", "no_think", "between_tools"),
        "medium": ("auto", "default", "dynamic"),
        "high": ("on", "enable", "enabled", "adaptive", "think", "thinking", "reasoning"),
    }
)
WORDS: Final[Mapping[str, Effort]] = MappingProxyType(
    {word: effort for effort in EFFORTS for word in (effort, *_SYNONYMS.get(effort, ()))}
)
"""Words for an effort. `auto` leaves the amount to the model: that is what providers do at `medium`."""


def read_word(value: Json) -> Effort | None:
    """Read an effort that is a word in any case, a flag, or an object with `effort`; None for anything else.

    Examples
    --------
    >>> read_word("LOW"), read_word(False), read_word({"effort": "high", "summary": "auto"}), read_word(["high"])
    ('low', 'none', 'high', None)
    """
    if isinstance(value, dict):
        value = value.get("effort")
    if isinstance(value, bool):
        return "high" if value else "none"
    return WORDS.get(value.strip().lower()) if isinstance(value, str) else None


def read_budget(value: Json) -> Effort | None:
    """Read a thinking budget in tokens, a number or its digits; a negative one has no bound.

    Examples
    --------
    >>> read_budget(0), read_budget("2000"), read_budget(-1), read_budget(True)
    ('none', 'low', 'high', None)
    """
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,9}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    if value <= 0:
        return "high" if value < 0 else "none"
    return next((effort for effort in EFFORTS[1:] if value <= BUDGET_TOKENS[effort]), "max")


def _shown(value: Json) -> Effort | None:
    """Asking to see the reasoning asks for reasoning; not asking to see it says nothing about the effort."""
    return "high" if value is True else None


Reader = Callable[[Json], Effort | None]

_FORMS: Final[tuple[tuple[tuple[str, ...], Reader], ...]] = (
    (("reasoning_effort",), read_word),  # OpenAI, GPT-OSS, Groq, LiteLLM
    (("reasoning", "effort"), read_word),  # OpenAI responses, OpenRouter
    (("output_config", "effort"), read_word),  # Anthropic
    (("reasoning", "max_tokens"), read_budget),  # OpenRouter
    (("reasoning", "enabled"), read_word),
    (("thinking", "budget_tokens"), read_budget),  # Anthropic
    (("thinking", "type"), read_word),  # Anthropic, DeepSeek, GLM, Kimi, Doubao
    (("thinking",), read_word),
    (("thinking_budget",), read_budget),  # DashScope, SiliconFlow
    (("enable_thinking",), read_word),
    (("chat_template_kwargs", "thinking_budget"), read_budget),  # vLLM, SGLang
    (("chat_template_kwargs", "reasoning_effort"), read_word),
    (("chat_template_kwargs", "enable_thinking"), read_word),
    (("chat_template_kwargs", "thinking"), read_word),
    (("chat_template_kwargs", "thinking_mode"), read_word),
    (("reasoning_budget",), read_budget),  # llama.cpp
    (("think",), read_word),  # Ollama
    (("prompt_mode",), read_word),  # Mistral
    (("include_reasoning",), _shown),  # OpenRouter, Groq
)
"""Place in the body and how it is read; the first that says anything counts."""

_OFF_FIRST: Final = (("thinking", "type"), ("reasoning", "enabled"), ("enable_thinking",))
"""A switch that says off counts before any amount beside it."""

_ROOTS: Final = frozenset(path[0] for path, _ in _FORMS)
FOREIGN_KEYS: Final = (
    "thinking_budget",
    "enable_thinking",
    "reasoning_budget",
    "think",
    "prompt_mode",
    "include_reasoning",
)
"""Top-level forms that no writer of ours uses; they go where the body is written in other words."""
FOREIGN_TEMPLATE_KEYS: Final = ("thinking_budget", "reasoning_effort", "thinking_mode")

_SOFT_SWITCH: Final = re.compile(r"(?<!\S)/(no_)?think(?!\S)")
"""Qwen3's switch inside a turn; the last one counts."""
_OSS_LEVEL: Final = re.compile(r"^\s*reasoning:\s*(low|medium|high)\s*$", re.IGNORECASE | re.MULTILINE)


def stated_effort(body: Mapping[str, Json]) -> Effort | None:
    """Read the effort that a body states in any form, Gemini's own format aside; None where it states none.

    Parameters
    ----------
    body
        As the client sent it. `extra_body` is read as if its keys stood in the body.
    """
    if not _ROOTS.isdisjoint(body):
        found = _from_table(body)
        if found is not None:
            return found
    extra = body.get("extra_body")
    if isinstance(extra, dict) and not _ROOTS.isdisjoint(extra):
        found = _from_table(extra)
        if found is not None:
            return found
    model = body.get("model")
    if isinstance(model, str) and model.lower().endswith(":thinking"):
        return "high"
    return _from_text(body, model if isinstance(model, str) else "")


def drop_foreign_forms(body: Body) -> None:
    """Remove the forms that no writer uses, in place, so that a body does not state two efforts."""
    for place in (body, body.get("extra_body")):
        if isinstance(place, dict):
            for key in FOREIGN_KEYS:
                place.pop(key, None)
    extra = body.get("extra_body")
    if isinstance(extra, dict):
        for key in _ROOTS:
            extra.pop(key, None)
        if not extra:
            del body["extra_body"]
    template = body.get("chat_template_kwargs")
    if isinstance(template, dict):
        for key in FOREIGN_TEMPLATE_KEYS:
            template.pop(key, None)
        if not template:
            del body["chat_template_kwargs"]


def _from_table(body: Mapping[str, Json]) -> Effort | None:
    if any(read_word(_get(body, path)) == "none" for path in _OFF_FIRST):
        return "none"
    for path, read in _FORMS:
        found = read(_get(body, path))
        if found is not None:
            return found
    return None


def _get(body: Mapping[str, Json], path: tuple[str, ...]) -> Json:
    found: Json = cast(Json, body)
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def _from_text(body: Mapping[str, Json], model: str) -> Effort | None:
    turns = body.get("messages")
    if not isinstance(turns, list):
        return None
    last = next((turn for turn in reversed(turns) if isinstance(turn, dict) and turn.get("role") == "user"), None)
    text = last.get("content") if last is not None else None
    if isinstance(text, str) and "think" in text:
        switches = _SOFT_SWITCH.findall(text)
        if switches:
            return "none" if switches[-1] else "high"
    first = turns[0] if turns else None
    if "gpt-oss" in model.lower() and isinstance(first, dict) and first.get("role") in ("system", "developer"):
        said = first.get("content")
        level = _OSS_LEVEL.search(said) if isinstance(said, str) else None
        return cast(Effort, level[1].lower()) if level else None
    return None
