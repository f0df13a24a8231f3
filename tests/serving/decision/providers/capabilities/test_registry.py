"""The shipped registry: what every row must keep to, whatever the sources say."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from serving.decision.providers.capabilities import Capability, Switch, load_registry
from serving.decision.types import EFFORTS

REGISTRY = load_registry()
ROWS = [(host, key) for host, keys in REGISTRY.rows.items() for key in keys]


def test_it_is_named_by_date_and_digest() -> None:
    name, _, digest = REGISTRY.version.partition(":")
    assert name.startswith("capabilities-20")
    assert len(digest) == 8


def test_every_shape_is_a_capability() -> None:
    known = {field.name for field in fields(Capability)}
    for shape in REGISTRY.shapes:
        assert set(shape) <= known
        assert shape["switch"] in get_args(Switch)
        assert shape["efforts"] == [effort for effort in EFFORTS if effort in shape["efforts"]] != []


def test_a_switch_leaves_a_choice() -> None:
    """With one thing to ask for and no way out of it there is nothing to control."""
    single = [shape for shape in REGISTRY.shapes if shape["switch"] != "fixed" and len(shape["efforts"]) == 1]
    assert single == []


def test_rows_are_of_every_chief_host_and_found_by_their_names() -> None:
    assert len(ROWS) > 5000
    for host in (
        "openai",
        "anthropic",
        "google",
        "bedrock",
        "vertex",
        "azure",
        "openrouter",
        "groq",
        "deepseek",
        "zai",
    ):
        for key in REGISTRY.rows[host]:
            found = REGISTRY.find(REGISTRY.names[key], host)
            assert found.host == host or not found.is_known, key


@pytest.mark.parametrize(
    ("model", "host", "switch"),
    [
        ("grok-4.5", "xai", "plain_effort"),
        ("qwen/qwen3-32b", "groq", "groq_effort"),
        ("openai/gpt-oss-120b", "groq", "plain_effort"),
        ("qwen3-max", "dashscope", "enable_thinking"),
        ("kimi-k3", "moonshot", "plain_effort"),
        ("kimi-k2.6", "moonshot", "thinking_type"),
        ("glm-4.6", "zai", "thinking_type"),
        ("deepseek-v4-pro", "deepseek", "thinking_type"),
        ("anthropic/claude-opus-4.5", "openrouter", "reasoning_object"),
        ("zai-org/GLM-5.2", "baseten", "template_args"),
        ("moonshotai/Kimi-K2.6", "together", "reasoning_enabled"),
        ("amazon.nova-2-lite-v1:0", "bedrock", "bedrock"),
        ("gpt-6-sol", "openai", "openai_effort"),
        ("gemini-4-argon", "google", "gemini_level"),
        ("claude-fable-5", "anthropic", "anthropic_adaptive"),
        ("ibm-granite/granite-4.0-h-small", "", "template_thinking"),
    ],
)
def test_families_have_their_form_on_the_wire(model: str, host: str, switch: str) -> None:
    assert REGISTRY.find(model, host).switch == switch


def test_names_from_outside_never_raise() -> None:
    for name in ("", " ", "/", "*", "gpt-5.1\n", "[", "a" * 5000, "модель", "gpt-5.1[*?]", "..", "us."):
        for host in ("", "*", "openrouter", "no such host"):
            REGISTRY.find(name, host, "chat")
