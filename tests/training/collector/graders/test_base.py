"""Checks give their options, or say which one is missing."""

from __future__ import annotations

import pytest

from training.collector.graders.base import BadCheck, Check


def test_the_answer_and_the_options_are_given_by_name() -> None:
    check = Check("regex", "Paris", {"pattern": "a+", "full": False, "answer": "not this"})
    assert [check.require(name) for name in ("answer", "pattern", "full")] == ["Paris", "a+", False]


@pytest.mark.parametrize("name", ["answer", "pattern"])
def test_a_missing_option_is_named_with_the_grader(name: str) -> None:
    with pytest.raises(BadCheck, match=f"grader regex needs '{name}': add it"):
        Check("regex").require(name)


def test_options_of_one_check_are_not_shared() -> None:
    with pytest.raises(TypeError):
        Check("regex").options["pattern"] = "a"  # type: ignore[index]
