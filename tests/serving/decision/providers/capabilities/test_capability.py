"""Capabilities clamp without falling to no reasoning, and budgets grow with the effort."""

from __future__ import annotations

import pytest

from serving.decision.providers.capabilities import BUDGET_TOKENS, UNKNOWN, Capability
from serving.decision.types import EFFORTS, Effort


@pytest.mark.parametrize(
    ("efforts", "asked", "sent"),
    [
        (("none", "low", "high"), "minimal", "low"),
        (("none", "low", "high"), "medium", "low"),
        (("none", "high"), "none", "none"),
        (("low", "high", "max"), "xhigh", "high"),
        (("high",), "none", "high"),
        (("none",), "high", "none"),
    ],
)
def test_clamps_to_what_is_accepted(efforts: tuple[Effort, ...], asked: Effort, sent: Effort) -> None:
    assert Capability("any", "plain_effort", efforts).clamp(asked) == sent


def test_budgets_grow_with_effort() -> None:
    budgets = [BUDGET_TOKENS[effort] for effort in EFFORTS]
    assert budgets == sorted(set(budgets))
    assert budgets[0] == 0


def test_only_the_unknown_model_is_unknown() -> None:
    assert not UNKNOWN.is_known
    assert Capability("any", "fixed", ("high",)).is_known
