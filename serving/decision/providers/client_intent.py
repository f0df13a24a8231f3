"""Client intent in a provider's request body: its explicit effort, and whether a tool loop is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from serving.decision.providers.client_preferences import read_budget, read_word, stated_effort
from serving.decision.providers.endpoints import Api
from serving.decision.providers.inband_effort import effort_in_band
from serving.decision.providers.json_patch import Json
from serving.decision.types import EFFORTS, Effort


def client_effort(body: Mapping[str, Json], api: Api) -> Effort | None:
    """Read the effort that the client set explicitly, in whichever provider's words; None where it set none.

    Examples
    --------
    >>> client_effort({"reasoning_effort": "low"}, "chat")
    'low'
    >>> client_effort({"thinking": {"type": "disabled"}}, "messages")
    'none'
    """
    if api == "converse":
        return _converse_effort(body.get("additionalModelRequestFields"))
    if api != "gemini":
        return effort_in_band(body, api) or stated_effort(body)
    settings = body.get("generationConfig", body.get("generation_config"))
    generation_config = settings if isinstance(settings, dict) else {}
    return _gemini_effort(generation_config.get("thinkingConfig", generation_config.get("thinking_config")))


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
    return any(key in part for key in ("functionCall", "function_call", "toolUse")) or part.get("type") == "tool_use"


def _is_tool_result(part: Mapping[str, Json]) -> bool:
    keys = ("functionResponse", "function_response", "toolResult")
    return any(key in part for key in keys) or part.get("type") == "tool_result"


def _converse_effort(fields: Json) -> Effort | None:
    if not isinstance(fields, dict):
        return None
    nova = fields.get("reasoningConfig")
    if not isinstance(nova, dict):
        return stated_effort(fields)
    return "none" if read_word(nova.get("type")) == "none" else read_word(nova.get("maxReasoningEffort", "high"))


def _gemini_effort(config: Json) -> Effort | None:
    if not isinstance(config, dict):
        return None
    level = config.get("thinkingLevel", config.get("thinking_level"))
    if isinstance(level, str) and level.lower() in EFFORTS:
        return cast(Effort, level.lower())
    return read_budget(config.get("thinkingBudget", config.get("thinking_budget")))
