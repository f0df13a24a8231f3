"""What each model accepts: found under any prefix, clamped without falling to no reasoning."""

from __future__ import annotations

import pytest

from serving.decision.providers.capabilities import BUDGET_TOKENS, UNKNOWN, find_capability
from serving.decision.types import EFFORTS, Effort


@pytest.mark.parametrize(
    ("model", "switch", "floor"),
    [
        ("openai/gpt-5.1-2025-11-13", "openai_effort", "none"),
        ("gpt-5-mini", "openai_effort", "minimal"),
        ("azure/o3", "openai_effort", "low"),
        ("openai/gpt-oss-120b", "oss_effort", "low"),
        ("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic_budget", "none"),
        ("claude-opus-4.6", "anthropic_adaptive", "none"),
        ("gemini-2.5-pro", "gemini_budget", "low"),
        ("gemini-3-pro-preview", "gemini_level", "low"),
        ("Qwen/Qwen3-8B", "template_enable_thinking", "none"),
        ("deepseek-ai/DeepSeek-V3.1", "template_thinking", "none"),
        ("deepseek-reasoner", "fixed", "high"),
    ],
)
def test_models_are_found_under_their_prefixes(model: str, switch: str, floor: str) -> None:
    found = find_capability(model)
    assert (found.switch, found.efforts[0]) == (switch, floor)


@pytest.mark.parametrize("model", ["gpt-4o", "llama-4-maverick", "", "my-gpt-5.1", "Qwen3-4B-Instruct-2507"])
def test_unknown_models_take_no_parameter(model: str) -> None:
    assert find_capability(model) is UNKNOWN


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("gpt-5.1", "max", "high"),
        ("gpt-5.1", "minimal", "low"),
        ("gpt-5-mini", "none", "minimal"),
        ("Qwen/Qwen3-8B", "low", "high"),
        ("Qwen/Qwen3-8B", "none", "none"),
        ("gemini-3-pro", "medium", "low"),
        ("gpt-5-pro", "none", "high"),
    ],
)
def test_clamps_to_what_the_model_accepts(model: str, asked: Effort, sent: Effort) -> None:
    assert find_capability(model).clamp(asked) == sent


def test_budgets_grow_with_effort() -> None:
    budgets = [BUDGET_TOKENS[effort] for effort in EFFORTS]
    assert budgets == sorted(set(budgets))
    assert budgets[0] == 0
