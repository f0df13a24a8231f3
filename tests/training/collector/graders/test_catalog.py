"""Graders on right, wrong and hostile answers."""

from __future__ import annotations

from typing import Any

import pytest

from training.collector.graders.base import BadCheck, Check
from training.collector.graders.catalog import GRADERS


@pytest.mark.parametrize(
    ("grader", "more"),
    [("exact", {}), ("regex", {"pattern": "("}), ("json_schema", {"schema": {"type": "nothing"}}), ("unit_test", {})],
)
def test_a_check_that_cannot_be_carried_out_says_so(grader: str, more: dict[str, Any]) -> None:
    with pytest.raises(BadCheck):
        GRADERS[grader](Check(grader, None, more), "x")
