"""Writers of switches that go on or off, some with an amount: chat templates and hosts' own keys."""

from __future__ import annotations

from serving.decision.providers.json_patch import Body
from serving.decision.providers.writers.change import (
    EffortChange,
    Writer,
    child_object,
    drop_member,
    raise_output_limit,
)

_LIMITS = ("max_completion_tokens", "max_tokens")


def template_argument(parent: str, key: str, *, always_said: bool) -> Writer:
    """Make the writer of an argument of a chat template.

    Parameters
    ----------
    parent
        Object of the body that holds the arguments.
    always_said
        Off is written out. Otherwise it is left out where the template's default is off.
    """

    def write_argument(body: Body, change: EffortChange) -> None:
        said = always_said or change.is_explicit or change.capability.default not in (None, "none")
        if change.is_on or said:
            child_object(body, parent)[key] = change.is_on
        else:
            drop_member(body, parent, key)

    return write_argument


def thinking_type(body: Body, change: EffortChange) -> None:
    """Write `thinking.type`, and `reasoning_effort` where the model has several: DeepSeek, GLM, Kimi, Doubao."""
    child_object(body, "thinking")["type"] = "enabled" if change.is_on else (change.capability.off_word or "disabled")
    _effort_beside(body, change)


def thinking_adaptive(body: Body, change: EffortChange) -> None:
    """Write `thinking.type` for a model that takes `adaptive` and no other word for on: MiniMax M3."""
    body["thinking"] = {"type": "adaptive" if change.is_on else (change.capability.off_word or "disabled")}
    drop_member(body, "output_config", "effort")
    _effort_beside(body, change)


def enable_thinking(body: Body, change: EffortChange) -> None:
    """Write `enable_thinking`, and `thinking_budget` where it is bounded: DashScope, SiliconFlow."""
    body["enable_thinking"] = change.is_on
    if change.is_on and change.capability.budgets[1]:
        body["thinking_budget"] = change.budget
    else:
        body.pop("thinking_budget", None)
    body.pop("reasoning_effort", None)


def reasoning_enabled(body: Body, change: EffortChange) -> None:
    """Write `reasoning.enabled`, and `reasoning_effort` where the model has several: Together."""
    reasoning = child_object(body, "reasoning")
    for key in ("effort", "max_tokens"):
        reasoning.pop(key, None)
    reasoning["enabled"] = change.is_on
    _effort_beside(body, change)


def cohere_thinking(body: Body, change: EffortChange) -> None:
    """Write Cohere's `thinking`, with a budget where it is bounded."""
    if not change.is_on:
        body["thinking"] = {"type": "disabled"}
        return
    body["thinking"] = {"type": "enabled"}
    if change.capability.budgets[1]:
        body["thinking"] = {"type": "enabled", "token_budget": change.budget}
    raise_output_limit(body, change, "max_tokens")


def _effort_beside(body: Body, change: EffortChange) -> None:
    if change.is_on and change.is_graded:
        body["reasoning_effort"] = change.effort
    else:
        body.pop("reasoning_effort", None)
    raise_output_limit(body, change, *_LIMITS)
