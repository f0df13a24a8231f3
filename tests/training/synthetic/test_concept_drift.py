"""Concept drift: neutral by default, and refused where it names what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from training.synthetic import BadWorld, ConceptDrift


def test_nothing_else_changes_by_default() -> None:
    drift = ConceptDrift(14.0, mix={"maths": 3.0})
    assert (drift.tokens, drift.latency, dict(drift.gain), dict(drift.skill)) == (1.0, 1.0, {}, {})


@pytest.mark.parametrize("field", ["mix", "gain", "skill"])
def test_unknown_tasks_are_named(field: str) -> None:
    changes: Any = {field: {"juggling": 1.0}}
    with pytest.raises(BadWorld, match="juggling"):
        ConceptDrift(1.0, **changes)


@pytest.mark.parametrize(
    "change", [{"day": -1.0}, {"tokens": -0.1}, {"latency": float("nan")}, {"mix": {"maths": -1.0}}]
)
def test_negative_and_undefined_factors_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadWorld, match="finite and not negative"):
        ConceptDrift(**({"day": 1.0} | change))


def test_a_task_may_get_harder() -> None:
    assert ConceptDrift(1.0, skill={"maths": -2.0}).skill["maths"] == -2.0
