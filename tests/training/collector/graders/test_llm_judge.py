"""Prompts and replies of the LLM judge in both presentation orders."""

from __future__ import annotations

import pytest

from training.collector.graders.base import Check
from training.collector.graders.llm_judge import judge_grade, judge_prompts


def test_judge_sees_both_orders_and_who_is_who_is_not_told() -> None:
    one, two = (turns[-1]["content"] for turns in judge_prompts(Check("judge", "REF"), "Q", "CAND"))
    assert one.index("CAND") < one.index("REF")
    assert two.index("REF") < two.index("CAND")
    assert "reference" not in one.lower()


def test_judge_without_a_reference_swaps_the_scale() -> None:
    one, two = (turns[-1]["content"] for turns in judge_prompts(Check("judge"), "Q", "CAND"))
    assert one.index("10: ") < one.index("0: wrong")
    assert two.index("0: wrong") < two.index("10: ")


@pytest.mark.parametrize("reply", ["", "ten", '{"answer_1": true}', '{"answer_1": 11}', '{"answer_2": 3}', "{" * 50])
def test_judge_without_a_mark_gives_no_verdict(reply: str) -> None:
    assert judge_grade(Check("judge"), [reply, '{"answer_1": 5}']).success is None
