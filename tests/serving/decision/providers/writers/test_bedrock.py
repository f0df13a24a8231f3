"""Bedrock's converse: the maker's words among the additional fields, the limit in its own place."""

from __future__ import annotations

from typing import Any

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.writers.bedrock import converse, converse_effort
from serving.decision.providers.writers.change import EffortChange

CLAUDE = Capability("claude-sonnet4-5", "bedrock", ("none", "high"), (1024, 64_000))


def test_other_fields_stay_and_no_limit_appears_among_them() -> None:
    body: dict[str, Any] = {"additionalModelRequestFields": {"top_k": 9}, "inferenceConfig": {"maxTokens": 400}}
    converse(body, EffortChange(CLAUDE, "high", None))
    fields = body["additionalModelRequestFields"]
    assert fields.keys() == {"top_k", "thinking"}
    assert body["inferenceConfig"]["maxTokens"] - fields["thinking"]["budget_tokens"] >= 400


def test_nothing_is_left_where_nothing_has_to_be_said() -> None:
    body: dict[str, Any] = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 4096}}}
    converse(body, EffortChange(CLAUDE, "none", None))
    assert body == {}


def test_a_limit_is_raised_for_words_too() -> None:
    body: dict[str, Any] = {"inferenceConfig": {"maxTokens": 400}}
    converse_effort(body, EffortChange(Capability("gpt-oss", "oss_effort", ("low", "high")), "low", None))
    assert body["inferenceConfig"]["maxTokens"] == 2048 + 1024
