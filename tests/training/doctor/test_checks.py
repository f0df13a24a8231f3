"""A check's result says whether a server would start."""

from __future__ import annotations

import pytest

from training.doctor.checks import CheckResult, Finding, Level


@pytest.mark.parametrize(("level", "refused"), [("ok", False), ("note", False), ("refused", True)])
def test_one_refusal_is_enough(level: Level, refused: bool) -> None:
    assert CheckResult("t", (Finding("ok", "a"), Finding(level, "b"))).is_refused is refused
