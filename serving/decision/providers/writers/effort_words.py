"""Writers of an effort in words: OpenAI and everybody who took over `reasoning_effort` or the `reasoning` object."""

from __future__ import annotations

from serving.decision.providers.json_patch import Body
from serving.decision.providers.writers.change import EffortChange, child_object, raise_output_limit


def openai_chat(body: Body, change: EffortChange) -> None:
    """Write `reasoning_effort`; models of OpenAI know the newer name of the limit only."""
    body["reasoning_effort"] = change.effort
    raise_output_limit(body, change, "max_completion_tokens")


def openai_responses(body: Body, change: EffortChange) -> None:
    """Write `reasoning.effort`."""
    child_object(body, "reasoning")["effort"] = change.effort
    raise_output_limit(body, change, "max_output_tokens")


def plain_effort(body: Body, change: EffortChange) -> None:
    """Write `reasoning_effort` for other hosts of chat completions, in their word for off."""
    body["reasoning_effort"] = change.effort if change.is_on else (change.capability.off_word or "none")
    raise_output_limit(body, change, "max_completion_tokens", "max_tokens")


def oss_effort(body: Body, change: EffortChange) -> None:
    """Write `reasoning_effort` for a server of one's own: no limit is ever raised."""
    body["reasoning_effort"] = change.effort


def groq_effort(body: Body, change: EffortChange) -> None:
    """Write Groq's switch of models that reason or do not: the model's own amount is called `default`."""
    body["reasoning_effort"] = "default" if change.is_on else "none"
    raise_output_limit(body, change, "max_completion_tokens", "max_tokens")


def gemini_chat(body: Body, change: EffortChange) -> None:
    """Write `reasoning_effort` for Gemini's OpenAI-compatible endpoint, which maps it to a level or a budget itself."""
    extra = body.get("extra_body")
    google = extra.get("google") if isinstance(extra, dict) else None
    if isinstance(extra, dict) and isinstance(google, dict):
        # The provider rejects an effort beside its own form of it.
        kept = {key: value for key, value in google.items() if key not in ("thinking_config", "thinkingConfig")}
        body["extra_body"] = {**extra, "google": kept} if kept else {k: v for k, v in extra.items() if k != "google"}
        if not body["extra_body"]:
            del body["extra_body"]
    body["reasoning_effort"] = change.effort
    raise_output_limit(body, change, "max_completion_tokens", "max_tokens")


def reasoning_object(body: Body, change: EffortChange) -> None:
    """Write the `reasoning` object of hosts that translate it for every model: OpenRouter, Vercel."""
    reasoning = child_object(body, "reasoning")
    for key in ("enabled", "effort", "max_tokens"):
        reasoning.pop(key, None)
    body.pop("reasoning_effort", None)
    if not change.is_on:
        if change.capability.off_word == "none":
            reasoning["effort"] = "none"
        else:
            reasoning["enabled"] = False
    elif not change.is_graded and "high" not in change.capability.efforts:
        reasoning["enabled"] = True
    elif change.max_budget_tokens is not None and change.capability.budgets[1]:
        reasoning["max_tokens"] = change.budget
    else:
        reasoning["effort"] = change.effort
    raise_output_limit(body, change, "max_tokens", "max_completion_tokens")
