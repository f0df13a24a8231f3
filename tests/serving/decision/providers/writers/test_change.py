"""One effort to write: its budget, and the room that the client's limit leaves."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.writers.change import EffortChange, drop_member, raise_output_limit

MODEL = Capability("some-model", "plain_effort", ("none", "low", "high"), output_tokens=10_000)


@pytest.mark.parametrize(
    ("effort", "limit", "raised"),
    [("low", 500, 3072), ("low", 4000, 4000), ("high", 500, 10_000), ("none", 500, 500), ("high", 20_000, 20_000)],
)
def test_a_limit_is_raised_as_far_as_the_model_writes(effort: Any, limit: int, raised: int) -> None:
    body: dict[str, Any] = {"max_tokens": limit}
    assert raise_output_limit(body, EffortChange(MODEL, effort, None), "max_completion_tokens", "max_tokens") == raised
    assert body == {"max_tokens": raised}


def test_a_label_keeps_its_limit() -> None:
    body: dict[str, Any] = {"max_tokens": 5}
    assert raise_output_limit(body, EffortChange(MODEL, "high", None, keeps_limit=True), "max_tokens") == 5


@pytest.mark.parametrize("limit", [None, True, "many"])
def test_what_is_no_number_is_left_alone(limit: Any) -> None:
    body = {"max_tokens": limit}
    assert raise_output_limit(body, EffortChange(MODEL, "high", None), "max_tokens") is None
    assert body == {"max_tokens": limit}


def test_a_model_with_one_amount_is_not_graded() -> None:
    assert EffortChange(MODEL, "low", None).is_graded
    assert not EffortChange(Capability("m", "thinking_type", ("none", "high")), "high", None).is_graded


def test_an_object_goes_with_its_last_member() -> None:
    body: dict[str, Any] = {"output_config": {"effort": "low"}, "kept": {"a": 1, "effort": 2}}
    drop_member(body, "output_config", "effort")
    drop_member(body, "kept", "effort")
    drop_member(body, "missing", "effort")
    assert body == {"kept": {"a": 1}}
