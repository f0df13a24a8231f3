"""Reads what the client itself wants from a provider's body: its explicit effort, and whether it is mid-work."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, cast

from serving.decision.providers.json_patch import Json
from serving.decision.types import EFFORTS, Effort

Api = Literal["chat", "responses", "messages", "gemini", "openrouter"]

BUDGET_TOKENS: Mapping[Effort, int] = MappingProxyType(
    {"none": 0, "minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576, "max": 32_768}
)
"""Thinking budget that an effort stands for where a provider wants tokens."""


def client_effort(body: Mapping[str, Json], api: Api) -> Effort | None:
    """Read the effort that the client chose itself, None where it left it open.

    Examples
    --------
    >>> client_effort({"reasoning_effort": "low"}, "chat")
    'low'
    >>> client_effort({"thinking": {"type": "disabled"}}, "messages")
    'none'
    """
    if api == "gemini":
        settings = body.get("generationConfig", body.get("generation_config"))
        held = settings if isinstance(settings, dict) else {}
        return _gemini_effort(held.get("thinkingConfig", held.get("thinking_config")))
    for found in (body.get("reasoning_effort"), _at(body, "reasoning", "effort"), _at(body, "output_config", "effort")):
        if found in EFFORTS:
            return found
    if _at(body, "reasoning", "enabled") is False or _at(body, "thinking", "type") == "disabled":
        return "none"
    budget = _at(body, "reasoning", "max_tokens") or _at(body, "thinking", "budget_tokens")
    if isinstance(budget, int) and not isinstance(budget, bool):
        return _effort_of(budget)
    if _at(body, "thinking", "type") in ("enabled", "adaptive"):
        return "high"
    for key in ("enable_thinking", "thinking"):
        flag = _at(body, "chat_template_kwargs", key)
        if isinstance(flag, bool):
            return "high" if flag else "none"
    return None


def body_in_tool_loop(body: Mapping[str, Json], api: Api) -> bool:
    """Whether the last turn answers a tool call, so that the model is in the middle of its work.

    Examples
    --------
    >>> in_tool_loop({"messages": [{"role": "tool", "content": "4"}]}, "chat")
    True
    """
    if api == "responses":
        items = body.get("input")
        last = items[-1] if isinstance(items, list) and items else None
        return isinstance(last, dict) and str(last.get("type", "")).endswith("call_output")
    key, parts_key = ("contents", "parts") if api == "gemini" else ("messages", "content")
    turns = body.get(key)
    last = turns[-1] if isinstance(turns, list) and turns else None
    if not isinstance(last, dict):
        return False
    parts = last.get(parts_key)
    kinds = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return last.get("role") == "tool" or any(_answers_tool(part) for part in kinds)


def loop_thinks(body: Mapping[str, Json]) -> bool:
    """Whether the open tool loop of an Anthropic body began with thinking: its assistant turn then shows a block of it.

    Examples
    --------
    >>> loop_thinks({"messages": [{"role": "assistant", "content": [{"type": "thinking"}, {"type": "tool_use"}]}]})
    True
    """
    turns = body.get("messages")
    for turn in reversed(turns if isinstance(turns, list) else []):
        if isinstance(turn, dict) and turn.get("role") == "assistant":
            parts = turn.get("content")
            return isinstance(parts, list) and any(
                isinstance(part, dict) and part.get("type") in ("thinking", "redacted_thinking") for part in parts
            )
    return False


def _answers_tool(part: Mapping[str, Json]) -> bool:
    return "functionResponse" in part or "function_response" in part or part.get("type") == "tool_result"


def _effort_of(budget: int) -> Effort:
    if budget <= 0:
        return "high" if budget < 0 else "none"
    return next((effort for effort in EFFORTS[1:] if budget <= BUDGET_TOKENS[effort]), "max")


def _gemini_effort(config: Json) -> Effort | None:
    if not isinstance(config, dict):
        return None
    level = config.get("thinkingLevel", config.get("thinking_level"))
    budget = config.get("thinkingBudget", config.get("thinking_budget"))
    if isinstance(level, str) and level.lower() in EFFORTS:
        return cast(Effort, level.lower())
    return _effort_of(budget) if isinstance(budget, int) and not isinstance(budget, bool) else None


def _at(body: Mapping[str, Json], *keys: str) -> Json:
    found: Json = cast(Json, body)
    for key in keys:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found
