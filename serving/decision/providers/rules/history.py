"""History rules: what earlier turns must hold for thinking to be switched on, and what only its own model can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from serving.decision.providers.json_patch import Json
from serving.decision.providers.rules.target import Target

_THINKING_PARTS: Final = ("thinking", "redacted_thinking")
_REASONING_KEYS: Final = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks")
"""Keys under which hosts take a turn's reasoning back."""


def lacks_reasoning(body: Mapping[str, Json], target: Target) -> bool:
    """Tell whether the target would refuse to think over these turns, because they were served without thinking.

    DeepSeek V4 and Kimi K2.5 and later refuse turns with tool calls that do not carry their reasoning back, also those
    long before the last question (api-docs.deepseek.com thinking mode; LibreChat 12836, opencode 16318); some hosts
    want it on all turns. An empty text will do.

    Examples
    --------
    >>> from serving.decision.providers.capabilities import find_capability
    >>> target = Target(find_capability("deepseek-v4-pro"), "deepseek-v4-pro", "chat", "high")
    >>> turn = {"role": "assistant", "content": None, "tool_calls": [{}]}
    >>> lacks_reasoning({"messages": [turn]}, target)
    True
    >>> lacks_reasoning({"messages": [turn | {"reasoning_content": ""}]}, target)
    False
    """
    rule = target.capability.history
    if not target.thinks or rule in ("none", "signed"):
        return False
    everywhere = rule == "reasoning_content_on_all_turns"
    return any(not _carries_reasoning(turn) for turn in _assistant_turns(body) if everywhere or _calls_tools(turn))


def holds_foreign_reasoning(body: Mapping[str, Json], target: Target) -> bool:
    """Tell whether a moved body holds reasoning that is signed or encrypted for the model that wrote it.

    Claude's thinking blocks, OpenAI's reasoning items, and the signed details that gateways make of either.
    """
    if not target.moves:
        return False
    items = body.get("input")
    if isinstance(items, list) and any(isinstance(item, dict) and item.get("type") == "reasoning" for item in items):
        return True
    return any(_is_signed(turn) for turn in _assistant_turns(body))


def _assistant_turns(body: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    turns = body.get("messages")
    for turn in turns if isinstance(turns, list) else []:
        if isinstance(turn, dict) and turn.get("role") == "assistant":
            yield turn


def _parts(turn: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    content = turn.get("content")
    yield from (part for part in (content if isinstance(content, list) else []) if isinstance(part, dict))


def _calls_tools(turn: Mapping[str, Json]) -> bool:
    return bool(turn.get("tool_calls") or turn.get("function_call")) or any(
        part.get("type") == "tool_use" for part in _parts(turn)
    )


def _carries_reasoning(turn: Mapping[str, Json]) -> bool:
    return any(isinstance(turn.get(key), str | list) for key in _REASONING_KEYS) or any(
        part.get("type") in _THINKING_PARTS for part in _parts(turn)
    )


def _is_signed(turn: Mapping[str, Json]) -> bool:
    if any(part.get("type") in _THINKING_PARTS for part in _parts(turn)):
        return True
    kept = [turn.get("reasoning_details"), turn.get("thinking_blocks")]
    return any(
        isinstance(detail, dict) and (detail.get("signature") or detail.get("data") or detail.get("encrypted_content"))
        for details in kept
        for detail in (details if isinstance(details, list) else [])
    )
