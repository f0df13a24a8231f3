"""The form on the wire follows host and family first, then the best source's word."""

from __future__ import annotations

import pytest

from serving.decision.providers.capabilities import Switch
from training.capabilities.merge import Merged
from training.capabilities.wire import switch_of


@pytest.mark.parametrize(
    ("host", "key", "wires", "switch"),
    [
        ("openai", "gpt9", (), "openai_effort"),
        ("azure", "o9-mini", (), "plain_effort"),
        ("azure", "o3", (), "openai_effort"),
        ("anthropic", "claude-nine", (), "anthropic_adaptive"),
        ("anthropic", "claude-opus4-5", ("anthropic",), "anthropic_budget"),
        ("bedrock", "claude-nine", ("converse",), "anthropic_adaptive"),
        ("deepinfra", "claude-nine", ("openai",), "plain_effort"),
        ("google", "gemini2-5-pro", (), "gemini_budget"),
        ("vertex", "gemini4-argon", (), "gemini_level"),
        ("openrouter", "anything", ("openai",), "reasoning_object"),
        ("novita", "qwen4", ("qwen",), "enable_thinking"),
        ("novita", "glm9", ("zai",), "thinking_type"),
        ("nvidia", "qwen4", ("chat_template_kwargs.enable_thinking",), "template_enable_thinking"),
        ("somewhere", "glm9", (), "plain_effort"),
        ("minimax", "minimax-m9", ("anthropic-adaptive",), "fixed"),
    ],
)
def test_switches(host: str, key: str, wires: tuple[str, ...], switch: Switch) -> None:
    row = Merged(host, key, key, efforts=("low", "high"), wires=wires)
    assert switch_of(row, {"claude-nine"}) == switch


def test_without_efforts_and_without_a_word_nothing_is_sent() -> None:
    assert switch_of(Merged("somewhere", "glm9", "glm9"), ()) == "fixed"
