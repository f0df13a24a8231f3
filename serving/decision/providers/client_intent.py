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
    """Tell whether a tool loop of a raw body is open, whatever the provider's format.

    It is open while no assistant turn without tool calls has come since the newest tool result; reminders behind the
    result do not close it. Tools that the provider runs itself leave nothing open. The counterpart for parsed requests
    is `serving.decision.request_traits.in_tool_loop`.

    Examples
    --------
    >>> loop = [{"role": "tool", "content": "4"}, {"role": "user", "content": "<reminder>be brief</reminder>"}]
    >>> body_in_tool_loop({"messages": loop}, "chat")
    True
    """
    key = {"responses": "input", "gemini": "contents"}.get(api, "messages")
    turns = body.get(key)
    for turn in reversed(turns if isinstance(turns, list) else []):
        if isinstance(turn, dict):
            opens = _item_opens_loop(turn) if api == "responses" else _turn_opens_loop(turn)
            if opens is not None:
                return opens
    return False


def _item_opens_loop(item: Mapping[str, Json]) -> bool | None:
    """Judge an item of the Responses format; None where it neither opens nor closes a loop."""
    kind = str(item.get("type", ""))
    if kind.endswith("call_output") or kind in _CLIENT_CALLS:
        return True
    return False if item.get("role") == "assistant" else None


def _turn_opens_loop(turn: Mapping[str, Json]) -> bool | None:
    """Judge a turn of any other format; None where it neither opens nor closes a loop."""
    parts = turn.get("content") if "content" in turn else turn.get("parts")
    objects = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    if turn.get("role") in ("tool", "function") or any(_is_tool_result(part) for part in objects):
        return True
    if turn.get("role") not in ("assistant", "model"):
        return None
    return bool(turn.get("tool_calls") or turn.get("function_call")) or any(_is_tool_call(part) for part in objects)


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


_CLIENT_CALLS = frozenset(
    {"function_call", "custom_tool_call", "local_shell_call", "shell_call", "computer_call", "apply_patch_call"}
)
"""Calls of the Responses format that the client answers; the provider runs all others itself."""


def _is_tool_call(part: Mapping[str, Json]) -> bool:
    return "functionCall" in part or "function_call" in part or part.get("type") == "tool_use"


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
