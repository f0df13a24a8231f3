"""Parameters of a synthetic world: defaults, equality, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision import Arm
from training.synthetic import DEFAULT_ARMS, BadWorld, WorldSpec
from training.synthetic.concept_drift import ConceptDrift


def test_equal_parameters_are_equal_specs() -> None:
    assert WorldSpec(3) == WorldSpec(3)
    assert WorldSpec(3) != WorldSpec(4)
    assert WorldSpec(3, shift=ConceptDrift(7.0)) != WorldSpec(3)
    assert [arm.name for arm in WorldSpec(3).arms] == ["direct", "reasoning"]


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        ({"seed": -1}, "use 0 or more"),
        ({"arms": DEFAULT_ARMS[:1]}, "two or more arms"),
        ({"arms": (Arm("a", "m"), Arm("a", "m2"))}, "different names"),
        ({"mix": {"juggling": 1.0}}, "names unknown"),
        ({"mix": {"maths": 0.0}}, "one above 0"),
        ({"languages": {"en": float("nan")}}, "finite shares"),
        ({"days": 0.0}, "days must be above 0"),
        ({"hidden": -0.1}, "hidden not negative"),
        ({"difficulty": float("inf")}, "difficulty finite"),
    ],
)
def test_impossible_parameters_are_refused_with_the_cure(change: dict[str, Any], cure: str) -> None:
    with pytest.raises(BadWorld, match=cure):
        WorldSpec(**({"seed": 1} | change))
