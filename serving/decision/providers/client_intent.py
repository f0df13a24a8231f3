"""Client intent in a provider's request body: its explicit effort, and whether a tool loop is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from serving.decision.providers.capabilities import BUDGET_TOKENS
from serving.decision.providers.endpoints import Api
from serving.decision.providers.json_patch import Json
from serving.decision.types import EFFORTS, Effort


def client_effort(body: Mapping[str, Json], api: Api) -> Effort | None:
    """Read the effort that the client set explicitly; None where it set none.

    Examples
    --------
    >>> client_effort({"reasoning_effort": "low"}, "chat")
    'low'
    >>> client_effort({"thinking": {"type": "disabled"}}, "messages")
    'none'
    """
    if api == "gemini":
        settings = body.get("generationConfig", body.get("generation_config"))
        generation_config = settings if isinstance(settings, dict) else {}
        return _gemini_effort(generation_config.get("thinkingConfig", generation_config.get("thinking_config")))
    nested = (_get_nested(body, "reasoning", "effort"), _get_nested(body, "output_config", "effort"))
    for found in (body.get("reasoning_effort"), *nested):
        if found in EFFORTS:
            return found
    if _get_nested(body, "reasoning", "enabled") is False or _get_nested(body, "thinking", "type") == "disabled":
        return "none"
    budget = _get_nested(body, "reasoning", "max_tokens") or _get_nested(body, "thinking", "budget_tokens")
    if isinstance(budget, int) and not isinstance(budget, bool):
        return _effort_of_budget(budget)
    if _get_nested(body, "thinking", "type") in ("enabled", "adaptive"):
        return "high"
    for key in ("enable_thinking", "thinking"):
        flag = _get_nested(body, "chat_template_kwargs", key)
        if isinstance(flag, bool):
            return "high" if flag else "none"
    return None


def body_in_tool_loop(body: Mapping[str, Json], api: Api) -> bool:
    """Tell whether the last turn of a raw body is a tool result, whatever the provider's format.

    The counterpart for parsed requests is `serving.decision.request_traits.in_tool_loop`.

    Examples
    --------
    >>> body_in_tool_loop({"messages": [{"role": "tool", "content": "4"}]}, "chat")
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
    objects = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return last.get("role") == "tool" or any(_is_tool_result(part) for part in objects)


def tool_loop_has_thinking(body: Mapping[str, Json]) -> bool:
    """Tell whether the open tool loop of an Anthropic body began with thinking.

    Its last assistant turn then has a block of it.

    Examples
    --------
    >>> turn = {"role": "assistant", "content": [{"type": "thinking"}, {"type": "tool_use"}]}
    >>> tool_loop_has_thinking({"messages": [turn]})
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


def _is_tool_result(part: Mapping[str, Json]) -> bool:
    return "functionResponse" in part or "function_response" in part or part.get("type") == "tool_result"


def _effort_of_budget(budget: int) -> Effort:
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
    return _effort_of_budget(budget) if isinstance(budget, int) and not isinstance(budget, bool) else None


def _get_nested(body: Mapping[str, Json], *keys: str) -> Json:
    found: Json = cast(Json, body)
    for key in keys:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found
