"""Sampling rules of models, also where no source states one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serving.decision.providers.capabilities import Capability, find_capability
from serving.decision.providers.rules.sampling import refused_sampling, sampling_rule
from serving.decision.providers.rules.target import Target


@pytest.mark.parametrize(
    ("model", "rule"),
    [
        ("gpt-5.1", "only_at_none"),
        ("gpt-5.6-sol", "only_at_none"),
        ("gpt-5-mini", "refused"),
        ("o3", "refused"),
        ("gpt-6-astra", "refused"),
        ("claude-sonnet-4-5", "not_while_thinking"),
        ("claude-opus-4-6", "not_while_thinking"),
        ("claude-opus-4-7", "refused"),
        ("claude-haiku-5-5", "refused"),
        ("gemini-3.7-flash", "ignored"),
        ("gemini-2.5-flash", "ok"),
        ("kimi-k2.5", "refused"),
        ("gpt-4o", "ok"),
    ],
)
def test_rule_of_a_model(model: str, rule: str) -> None:
    assert sampling_rule(find_capability(model)) == rule


@pytest.mark.parametrize("stated", ["ok", "ignored"])
def test_a_switch_has_its_rule_where_a_source_says_that_sampling_is_taken(stated: Any) -> None:
    known = Capability("x", "openai_effort", ("none", "high"), sampling=stated)
    assert sampling_rule(known) == "only_at_none"
    assert sampling_rule(replace(known, efforts=("low", "high"))) == "refused"
    assert sampling_rule(replace(known, switch="anthropic_budget")) == "not_while_thinking"


def test_values_that_ask_for_nothing_are_taken_by_openai_and_not_by_kimi() -> None:
    body: dict[str, Any] = {"temperature": 1, "top_p": None, "presence_penalty": 0}
    assert list(refused_sampling(body, Target(find_capability("o3"), "o3", "chat", "low"))) == []
    kimi = Target(find_capability("kimi-k2.6"), "kimi-k2.6", "chat", "none")
    assert list(refused_sampling(body, kimi)) == ["temperature"]
