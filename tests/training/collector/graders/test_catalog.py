"""Graders on right, wrong and hostile answers."""

from __future__ import annotations

from typing import Any

import pytest

from training.collector.graders.base import BadCheck, Check
from training.collector.graders.catalog import GRADERS, JUDGE


@pytest.mark.parametrize(
    ("grader", "more"),
    [("exact", {}), ("regex", {"pattern": "("}), ("json_schema", {"schema": {"type": "nothing"}}), ("unit_test", {})],
)
def test_a_check_that_cannot_be_carried_out_says_so(grader: str, more: dict[str, Any]) -> None:
    with pytest.raises(BadCheck):
        GRADERS[grader](Check(grader, None, more), "x")


def test_the_judge_is_no_grader_of_the_catalog() -> None:
    assert JUDGE not in GRADERS
    with pytest.raises(TypeError):
        GRADERS["mine"] = GRADERS["exact"]  # type: ignore[index]


@pytest.mark.parametrize("grader", ["exact", "numeric", "regex", "json_schema"])
@pytest.mark.parametrize(
    "answer", ["", "\x00", "`" * 50, "{" * 5000, "9" * 5000, "1/0%", "\\boxed{" * 500, "<answer>" * 500]
)
def test_no_answer_is_too_odd_to_grade(grader: str, answer: str) -> None:
    check = Check(grader, None if grader == "json_schema" else "7", {"pattern": "^7$", "schema": {"type": "integer"}})
    assert GRADERS[grader](check, answer).success in (0.0, 1.0)
