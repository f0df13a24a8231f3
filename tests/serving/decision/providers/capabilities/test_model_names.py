"""Every spelling of a model leads to one key, and names that look alike but are other models do not."""

from __future__ import annotations

import pytest

from serving.decision.providers.capabilities import model_key, name_keys, row_key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("claude-4.5-sonnet@20250929", "claude-sonnet4-5"),
        ("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet4-5"),
        ("claude-sonnet-3.7", "claude3-7-sonnet"),
        ("claude-opus-4-5-thinking", "claude-opus4-5"),
        ("accounts/fireworks/models/glm-4p6", "glm4-6"),
        ("gemini-2.5-flash-preview-05-20", "gemini2-5-flash"),
        ("command-a-reasoning-08-2025", "command-a-reasoning"),
        ("gpt-5.1-2025-11-13", "gpt5-1"),
        ("o3-mini-high", "o3-mini"),
        ("magistral-medium-2509", "magistral-medium"),
        ("databricks-claude-opus-4-5", "claude-opus4-5"),
        ("z-ai/glm-4.6:free", "glm4-6"),
    ],
)
def test_the_last_key_of_a_name(name: str, key: str) -> None:
    assert name_keys(name)[-1] == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("deepseek-v4-pro-0813", "deepseek-v4-pro"),
        ("qwen3-235b-a22b-thinking-2507", "qwen3-235b-a22b"),
        ("qwen3-max", "qwen3"),
        ("gpt-5.1-codex-max", "gpt-5.1-codex"),
        ("ft:gpt-5.1:org::id", "gpt-5.1"),
        ("my-gpt-5.1", "gpt-5.1"),
    ],
)
def test_other_models_keep_other_keys(one: str, other: str) -> None:
    assert model_key(other) not in name_keys(one)


def test_the_nearest_spelling_comes_first() -> None:
    keys = name_keys("gemini-3-pro-preview")
    assert keys == ("gemini3-pro-preview", "gemini3-pro")
    assert row_key("gemini-3-pro-preview") == keys[0]


@pytest.mark.parametrize("name", ["", "/", "  ", "::", "-"])
def test_names_without_text_have_no_key(name: str) -> None:
    assert name_keys(name) == ()
