"""A row claims only what is known: no switch without a choice, `none` only where off is known to be accepted."""

from __future__ import annotations

import pytest

from serving.decision.providers.capabilities.overrides import parse_overrides
from training.capabilities.merge import Merged
from training.capabilities.rows import apply_to_merged, row_fields

BOTH = ("low", "high")


@pytest.mark.parametrize(
    ("row", "switch", "efforts"),
    [
        (Merged("openai", "gpt9", "", BOTH, True), "openai_effort", ["none", "low", "high"]),
        (Merged("openai", "gpt9", "", BOTH, None), "openai_effort", ["low", "high"]),
        (Merged("openai", "gpt9", "", None, True), "fixed", ["high"]),
        (Merged("openai", "gpt9", "", ("high",), False), "fixed", ["high"]),
        (Merged("zai", "glm9", "", None, True), "thinking_type", ["none", "high"]),
        (Merged("zai", "glm9", "", None, None), "fixed", ["high"]),
        (
            Merged("dashscope", "qwen9", "", None, True, budget=(1, -1)),
            "enable_thinking",
            ["none", "low", "medium", "high"],
        ),
        (Merged("google", "gemini2-5-pro", ""), "gemini_budget", ["low", "medium", "high"]),
        (Merged("openrouter", "x9", "", None, True), "reasoning_object", ["none", "high"]),
    ],
)
def test_efforts(row: Merged, switch: str, efforts: list[str]) -> None:
    fields = row_fields(row, ())
    assert (fields["switch"], fields["efforts"]) == (switch, efforts)


def test_budgets_leave_room_for_the_answer() -> None:
    claude = Merged("anthropic", "claude-nine", "", off=True, out=32_000, budget=(1024, -1))
    assert row_fields(claude, ())["budgets"] == [1024, 30_000]
    assert row_fields(Merged("google", "gemini2-5-pro", "", budget=(128, 32_768)), ())["budgets"] == [128, 32_768]


def test_sampling_of_families() -> None:
    assert row_fields(Merged("openai", "gpt9", "", BOTH, True), ())["sampling"] == "only_at_none"
    assert row_fields(Merged("openai", "gpt9", "", BOTH, False), ())["sampling"] == "refused"
    assert row_fields(Merged("anthropic", "claude-nine", ""), ())["sampling"] == "not_while_thinking"
    assert "sampling" not in row_fields(Merged("xai", "grok9", "", BOTH), ())


def test_defaults() -> None:
    assert row_fields(Merged("xai", "grok9", "", BOTH, default="off"), ())["default"] == "none"
    assert row_fields(Merged("xai", "grok9", "", BOTH, default="on"), ())["default"] == "on"
    assert "default" not in row_fields(Merged("xai", "grok9", "", BOTH), ())


def test_an_override_speaks_first_and_settles_what_is_disputed() -> None:
    row = Merged("xai", "grok9", "", BOTH, None, claims={"off": {"a": "true", "b": "false"}})
    (override,) = parse_overrides(
        '[[model]]\nhost = "xai"\nmatch = "grok-9"\noff = true\ninband_effort = true\nwhy = "tried"'
    )
    apply_to_merged(row, override)
    fields = row_fields(row, ())
    assert (fields["efforts"], fields["inband_effort"]) == (["none", "low", "high"], True)
    assert (row.claims, row.sources["off"]) == ({}, "override")
