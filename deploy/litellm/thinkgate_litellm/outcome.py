"""The outcome of a call as LiteLLM logs it: tokens, cost, latency and retries, whichever form the reply had."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

_INPUT: Final = ("prompt_tokens", "input_tokens")
_OUTPUT: Final = ("completion_tokens", "output_tokens")
_INPUT_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details")
_OUTPUT_DETAILS: Final = ("completion_tokens_details", "output_tokens_details")


def success_outcome(
    decision_id: str, kwargs: Mapping[str, Any], response: Any, took: timedelta, retries: int
) -> dict[str, Any]:
    """Build the report of a call that was answered; what is not known is left out.

    Parameters
    ----------
    kwargs, response
        As LiteLLM logs them: usage is that of the reply, else of LiteLLM's own log entry.
    retries
        Attempts that failed before.
    """
    entry = kwargs.get("standard_logging_object")
    usage = _get(response, "usage") or _get(_get(entry, "metadata"), "usage_object")
    cost = kwargs.get("response_cost")
    found = {
        "decision_id": decision_id,
        "input_tokens": _input_tokens(usage),
        "cached_input_tokens": _count(_first(_first(usage, _INPUT_DETAILS), ("cached_tokens",)))
        or _count(_get(usage, "cache_read_input_tokens")),
        "output_tokens": _count(_first(usage, _OUTPUT)),
        "reasoning_tokens": _count(_first(_first(usage, _OUTPUT_DETAILS), ("reasoning_tokens", "thinking_tokens"))),
        "cost_usd": cost if cost is not None else _get(entry, "response_cost"),
        "latency_ms": max(took.total_seconds(), 0.0) * 1000.0,
        "retries": retries,
    }
    return {name: value for name, value in found.items() if value is not None}


def timeout_outcome(decision_id: str, took: timedelta) -> dict[str, Any]:
    """Build the report of a call that ran into a timeout."""
    latency_ms = max(took.total_seconds(), 0.0) * 1000.0
    return {"decision_id": decision_id, "failure_mode": "timeout", "latency_ms": latency_ms}


def _input_tokens(usage: Any) -> int | None:
    """Count input with what came from the cache: Anthropic's own form counts that beside it."""
    counted = _count(_first(usage, _INPUT))
    if counted is None or _get(usage, "prompt_tokens") is not None or _get(usage, "input_tokens_details") is not None:
        return counted
    beside = (_count(_get(usage, f"cache_{part}_input_tokens")) or 0 for part in ("read", "creation"))
    return counted + sum(beside)


def _first(value: Any, names: tuple[str, ...]) -> Any:
    return next((found for found in (_get(value, name) for name in names) if found is not None), None)


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None
