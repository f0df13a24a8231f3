"""Outcomes: whichever form the reply had, the same counts."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from thinkgate_litellm.outcome import success_outcome, timeout_outcome

SECOND = timedelta(seconds=1)


def counts(response: Any, **kwargs: Any) -> dict[str, Any]:
    found = success_outcome("01J", kwargs, response, SECOND, 0)
    return {name: value for name, value in found.items() if name.endswith("tokens")}


@pytest.mark.parametrize(
    "usage",
    [
        SimpleNamespace(
            prompt_tokens=100,
            completion_tokens=30,
            prompt_tokens_details=SimpleNamespace(cached_tokens=90),
            completion_tokens_details=SimpleNamespace(reasoning_tokens=20),
            cache_read_input_tokens=90,
        ),
        {
            "input_tokens": 100,
            "output_tokens": 30,
            "input_tokens_details": {"cached_tokens": 90},
            "output_tokens_details": {"reasoning_tokens": 20},
        },
        {
            "input_tokens": 10,
            "output_tokens": 30,
            "cache_read_input_tokens": 90,
            "cache_creation_input_tokens": 0,
            "output_tokens_details": {"thinking_tokens": 20},
        },
    ],
)
def test_usage_is_read_in_every_form(usage: Any) -> None:
    expected = {"input_tokens": 100, "cached_input_tokens": 90, "output_tokens": 30, "reasoning_tokens": 20}
    assert counts(SimpleNamespace(usage=usage)) == counts({"usage": usage}) == expected


def test_litellms_own_entry_counts_where_the_reply_has_no_usage() -> None:
    entry = {"response_cost": 0.5, "metadata": {"usage_object": {"prompt_tokens": 7, "completion_tokens": 8}}}
    found = success_outcome("01J", {"standard_logging_object": entry}, None, SECOND, 2)
    assert found == {
        "decision_id": "01J",
        "input_tokens": 7,
        "output_tokens": 8,
        "cost_usd": 0.5,
        "latency_ms": 1000.0,
        "retries": 2,
    }


@pytest.mark.parametrize("usage", [None, "x", {"prompt_tokens": "7", "completion_tokens": -1}, {"prompt_tokens": True}])
def test_odd_usage_is_no_usage(usage: Any) -> None:
    assert counts({"usage": usage}) == {}


def test_a_timeout_has_its_latency() -> None:
    assert timeout_outcome("01J", SECOND) == {"decision_id": "01J", "failure_mode": "timeout", "latency_ms": 1000.0}
