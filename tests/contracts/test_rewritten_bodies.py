"""No rewrite makes a call fail: generated bodies before a strict provider, and before the vendors' own types."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.providers.rules import plan
from tests.support.rewritten_bodies import RewriteTally, tally_rewrites
from tests.support.strict_provider import refusal
from tests.support.vendor_schemas import schema_error

BODIES = 1500


@pytest.fixture(scope="module")
def tally() -> RewriteTally:
    return tally_rewrites(BODIES, seed=20_261_127)


def test_no_rewritten_body_is_refused(tally: RewriteTally) -> None:
    assert tally.bodies == BODIES
    assert tally.refused == []


def test_the_vendors_types_take_every_rewritten_body(tally: RewriteTally) -> None:
    assert tally.invalid == []


def test_rewriting_again_changes_nothing(tally: RewriteTally) -> None:
    assert tally.unstable == []


def test_the_bodies_are_not_just_left_alone(tally: RewriteTally) -> None:
    assert tally.changed > BODIES / 3
    assert tally.moved > BODIES / 20
    assert len(tally.not_applied) > 12, tally.not_applied


def test_without_the_rules_calls_break(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check can fail: with the rules switched off, the strict provider refuses what goes out."""
    monkeypatch.setattr(plan, "find_conflicts", lambda *_: ())
    monkeypatch.setattr(plan, "lacks_reasoning", lambda *_: False)
    broken = tally_rewrites(BODIES, seed=20_261_127)
    assert len(broken.refused) > BODIES / 50


USER: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
TOOLS: list[dict[str, Any]] = [{"type": "function", "function": {"name": "add"}}]


@pytest.mark.parametrize(
    ("host", "api", "model", "body"),
    [
        ("openai", "chat", "gpt-5.1", {"messages": USER, "temperature": 0.2, "reasoning_effort": "high"}),
        ("openai", "chat", "gpt-5.4", {"messages": USER, "tools": TOOLS, "reasoning_effort": "high"}),
        ("openai", "chat", "gpt-5.6-sol", {"messages": USER, "tools": TOOLS}),
        ("openai", "chat", "gpt-6-astra", {"messages": USER, "tools": TOOLS}),
        ("openai", "chat", "o3", {"messages": USER, "verbosity": "low"}),
        (
            "anthropic",
            "messages",
            "claude-opus-5-5",
            {"messages": USER, "max_tokens": 9, "thinking": {"type": "disabled"}},
        ),
        ("anthropic", "messages", "claude-opus-5", {"messages": USER, "max_tokens": 9, "temperature": 0.2}),
        (
            "anthropic",
            "messages",
            "claude-sonnet-4-5",
            {"messages": USER, "max_tokens": 1000, "thinking": {"type": "enabled", "budget_tokens": 4096}},
        ),
        ("deepseek", "chat", "deepseek-v4-pro", {"messages": USER, "tools": TOOLS, "tool_choice": "required"}),
        (
            "google",
            "gemini",
            "gemini-2.5-pro",
            {"contents": [], "generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
        ),
    ],
)
def test_the_strict_provider_refuses_what_was_reported(host: str, api: str, model: str, body: dict[str, Any]) -> None:
    assert refusal(host, api, model, body | {"model": model}) is not None


@pytest.mark.parametrize(
    ("host", "api", "body"),
    [
        ("openai", "chat", {"model": "gpt-5.1", "messages": USER, "reasoning_effort": "hard"}),
        ("openai", "chat", {"model": "gpt-5.1", "messages": USER, "thinking": {"type": "enabled"}}),
        ("openai", "chat", {"model": "gpt-5.1", "messages": [{"role": "nobody", "content": "Hi"}]}),
        ("openai", "responses", {"model": "gpt-5.1", "input": "Hi", "reasoning": {"effort": 3}}),
        (
            "anthropic",
            "messages",
            {"model": "claude-opus-5", "messages": USER, "max_tokens": 9, "thinking": {"type": "on"}},
        ),
        ("google", "gemini", {"contents": [], "generationConfig": {"thinkingConfig": {"budget": 0}}}),
    ],
)
def test_the_vendors_types_refuse_what_is_wrong(host: str, api: str, body: dict[str, Any]) -> None:
    assert schema_error(host, api, body) is not None
