"""Graders that need no model, on right and wrong answers."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from training.collector.graders.answers import final_answer, last_code_block, reasoning_gym
from training.collector.graders.base import BadCheck, Check
from training.collector.graders.catalog import GRADERS


@pytest.mark.parametrize(
    ("grader", "answer", "more", "said", "success"),
    [
        ("exact", "Paris", {}, "  PARIS. ", 1.0),
        ("exact", "Paris", {}, "London", 0.0),
        ("numeric", "391", {}, "17 * 23 = 391", 1.0),
        ("numeric", "391", {}, "17 * 23 = 391\n<answer>392</answer>", 0.0),
        ("numeric", "-3", {}, "x is −3", 1.0),
        ("numeric", "0.25", {}, "25%", 1.0),
        ("numeric", "100", {"tolerance": 0.02}, "about 101", 1.0),
        ("numeric", "1e-3", {}, "0.001", 1.0),
        ("numeric", "5", {}, "1/0", 0.0),
        ("regex", None, {"pattern": "a+", "full": True}, "<answer>aaa</answer>", 1.0),
        ("regex", None, {"pattern": "a+", "full": True}, "aab", 0.0),
        ("json_schema", None, {"schema": {"required": ["a"]}}, 'Sure:\n```json\n{"a": 1}\n```', 1.0),
        ("json_schema", None, {"schema": {"required": ["a"]}}, '{"b": 1}', 0.0),
        ("json_schema", None, {"schema": {}}, "{", 0.0),
        ("json_schema", '{"a": 2}', {"schema": {}}, '{"a": 1}', 0.0),
    ],
)
def test_short_answers(grader: str, answer: str | None, more: dict[str, Any], said: str, success: float) -> None:
    assert GRADERS[grader](Check(grader, answer, more), said).success == success


def test_reasoning_gym_absent_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(BadCheck, match="pip install reasoning-gym"):
        reasoning_gym(Check("reasoning_gym", None, {"dataset": "sums", "entry": {}}), "7")


def test_reasoning_gym_is_asked_for_its_own_verifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake of the one function that is called: the package is not a dependency."""
    package = types.ModuleType("reasoning_gym")
    package.get_score_answer_fn = lambda name: lambda answer, entry: 1.0 if answer == entry["answer"] else 0.01  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "reasoning_gym", package)
    check = Check("reasoning_gym", None, {"dataset": "sums", "entry": {"answer": "7"}})
    assert reasoning_gym(check, "so <answer>7</answer>").success == 1.0
    assert reasoning_gym(check, "8").success == 0.01


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<answer>1</answer> no, <ANSWER> 2 </ANSWER>", "2"),
        (r"\boxed{1} so \boxed{{x}}", "x"),
        (r"<answer>a</answer> \boxed{b}", "a"),
        ("  plain\n", "plain"),
    ],
)
def test_the_last_marked_answer_is_final(text: str, answer: str) -> None:
    assert final_answer(text) == answer


def test_the_last_code_block_is_taken_whatever_its_language() -> None:
    assert last_code_block("```\na\n```\ntext\n```c++\nb\n```") == "b\n"
    assert last_code_block("no fence") == "no fence"


@pytest.mark.parametrize(("score", "success"), [(1.5, 1.0), (-0.5, 0.0)])
def test_scores_of_reasoning_gym_are_clipped_to_the_range(
    monkeypatch: pytest.MonkeyPatch, score: float, success: float
) -> None:
    package = types.ModuleType("reasoning_gym")
    package.get_score_answer_fn = lambda name: lambda answer, entry: score  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "reasoning_gym", package)
    assert reasoning_gym(Check("reasoning_gym", None, {"dataset": "sums", "entry": {}}), "7").success == success


def test_a_reference_that_is_no_number_is_a_fault_of_the_check() -> None:
    with pytest.raises(BadCheck, match="a number"):
        GRADERS["numeric"](Check("numeric", "Paris"), "7")
