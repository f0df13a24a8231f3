"""Turns a merged statement into fields of a `Capability`: only what is known, a switch only where there is a choice."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from serving.decision.providers.capabilities import Override, Switch
from training.capabilities.merge import LEVELS, Merged
from training.capabilities.wire import switch_of

_MAX_BUDGET_TOKENS = 64_000
_ANSWER_TOKENS = 2_000
_TOGGLES = frozenset(
    {
        "thinking_type",
        "thinking_adaptive",
        "enable_thinking",
        "template_enable_thinking",
        "template_thinking",
        "template_args",
        "reasoning_enabled",
        "groq_effort",
    }
)
_BUDGETS = frozenset({"anthropic_budget", "gemini_budget"})


def apply_to_merged(row: Merged, override: Override) -> None:
    """Let an override speak before all sources, in place."""
    for name, value in override.changes:
        field = {"inband_effort": "inband", "off_above_high": "above_high"}.get(name, name)
        if hasattr(row, field):
            setattr(row, field, value)
            row.sources[field] = "override"
            row.claims.pop(field, None)


def row_fields(row: Merged, adaptive: Collection[str], forced: Switch | None = None) -> dict[str, Any]:
    """Give the fields of `Capability` that differ from their defaults; `forced` is an override's switch."""
    switch = forced or switch_of(row, adaptive)
    efforts = _levels(row, switch)
    if not efforts or (len(efforts) == 1 and row.off is not True):
        # One thing to ask for and no way out of it: nothing to control.
        switch, efforts = "fixed", efforts or ("high",)
    accepted = ("none", *efforts) if row.off is True and switch != "fixed" else efforts
    fields: dict[str, Any] = {"switch": switch, "efforts": list(accepted)}
    budget = _budget(row, switch)
    if budget is not None:
        fields["budgets"] = list(budget)
    if row.out:
        fields["output_tokens"] = row.out
    if row.off_word == "between_tools":
        fields["off_word"] = row.off_word
    default = {"off": "none", "minimal": "minimal"}.get(row.default, row.default)
    if default and (default in LEVELS or default in ("none", "on")):
        fields["default"] = default
    if row.inband:
        fields["inband_effort"] = True
    words = {
        "sampling": _sampling(row, switch),
        "forced_tools": row.forced_tools or ("not_while_thinking" if switch == "anthropic_budget" else ""),
        "history": row.history,
        "off_above_high": row.above_high,
    }
    return fields | {name: word for name, word in words.items() if word not in ("", "ok", "none")}


def _levels(row: Merged, switch: Switch) -> tuple[str, ...]:
    if switch in _BUDGETS:
        return ("low", "medium", "high")
    if switch in _TOGGLES:
        if not row.efforts:
            return ("low", "medium", "high") if switch == "enable_thinking" and row.budget else ("high",)
        return row.efforts
    if row.host == "vercel" and row.efforts:
        # Its scale ends at xhigh.
        return tuple(dict.fromkeys("xhigh" if effort == "max" else effort for effort in row.efforts))
    if switch == "reasoning_object" or row.host == "cohere":
        return row.efforts or ("high",)
    if switch == "bedrock":
        return row.efforts or ("low", "medium", "high")
    return row.efforts or ()


def _budget(row: Merged, switch: Switch) -> tuple[int, int] | None:
    low, high = row.budget or (-1, -1)
    if switch == "gemini_budget":
        return (max(low, 1), high if high > 0 else 24_576) if row.budget else (1, 24_576)
    room = max(min(_MAX_BUDGET_TOKENS, (row.out or _MAX_BUDGET_TOKENS) - _ANSWER_TOKENS), 1024)
    if switch == "anthropic_budget":
        return max(low, 1024), high if high > 0 else room
    if switch in ("enable_thinking", "reasoning_object") and row.budget:
        return max(low, 1), high if high > 0 else room
    return None


def _sampling(row: Merged, switch: Switch) -> str:
    """Fill in what the families have in common where a source only says that sampling is taken or refused."""
    if switch == "openai_effort" and row.sampling in ("", "refused", "ok"):
        return "only_at_none" if row.off is True else "refused"
    if switch.startswith("anthropic") and row.sampling in ("", "ok"):
        return "not_while_thinking"
    return row.sampling
