"""Writers of Anthropic's `thinking` object, at its own endpoint and at the chat and Bedrock forms of it."""

from __future__ import annotations

from serving.decision.providers.json_patch import Body
from serving.decision.providers.writers.change import (
    ANSWER_TOKENS,
    EffortChange,
    child_object,
    drop_member,
    raise_output_limit,
)


def messages_budget(body: Body, change: EffortChange) -> None:
    """Write a thinking budget; the limit on output tokens counts it too."""
    _budget(body, change, raise_output_limit(body, change, "max_tokens"))


def chat_budget(body: Body, change: EffortChange) -> None:
    """Write the same at chat completions, which takes `thinking` and ignores `reasoning_effort`."""
    body.pop("reasoning_effort", None)
    _budget(body, change, raise_output_limit(body, change, "max_completion_tokens", "max_tokens"))


def messages_adaptive(body: Body, change: EffortChange) -> None:
    """Write adaptive thinking and its effort."""
    if not _adaptive(body, change):
        drop_member(body, "output_config", "effort")
        return
    child_object(body, "output_config")["effort"] = change.effort
    raise_output_limit(body, change, "max_tokens")


def chat_adaptive(body: Body, change: EffortChange) -> None:
    """Switch adaptive thinking at chat completions, where no effort can be stated."""
    body.pop("reasoning_effort", None)
    if _adaptive(body, change):
        raise_output_limit(body, change, "max_completion_tokens", "max_tokens")


def messages_thinking(body: Body, change: EffortChange) -> None:
    """Write `thinking` at the Anthropic-shaped endpoints of other makers: DeepSeek, GLM, Kimi, MiniMax.

    The budget is there because the format asks for one; an effort stands in `output_config` as Anthropic has it.
    """
    if not change.is_on:
        body["thinking"] = {"type": change.capability.off_word or "disabled"}
        drop_member(body, "output_config", "effort")
        return
    limit = raise_output_limit(body, change, "max_tokens")
    budget = change.budget if limit is None else min(change.budget, limit - ANSWER_TOKENS)
    body["thinking"] = {"type": "enabled", "budget_tokens": max(budget, ANSWER_TOKENS)}
    if change.is_graded:
        child_object(body, "output_config")["effort"] = change.effort
    else:
        drop_member(body, "output_config", "effort")


def messages_normalised(body: Body, change: EffortChange) -> None:
    """Write Anthropic's words at the messages endpoint of a host that translates them for every model."""
    if change.capability.budgets[1]:
        messages_thinking(body, change)
    else:
        messages_adaptive(body, change)


def _budget(body: Body, change: EffortChange, limit: int | None) -> None:
    if not change.is_on:
        body.pop("thinking", None)
        if change.is_explicit:
            body["thinking"] = {"type": "disabled"}
        return
    budget = change.budget if limit is None else min(change.budget, limit - ANSWER_TOKENS)
    body["thinking"] = {"type": "enabled", "budget_tokens": max(budget, change.capability.budgets[0])}


def _adaptive(body: Body, change: EffortChange) -> bool:
    if not change.is_on:
        body["thinking"] = {"type": change.capability.off_word or "disabled"}
        return False
    thinking = child_object(body, "thinking")
    thinking.pop("budget_tokens", None)
    thinking["type"] = "adaptive"
    return True
