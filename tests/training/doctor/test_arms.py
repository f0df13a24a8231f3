"""What arms send, row by row, and what is said of those that can't be told apart."""

from __future__ import annotations

from serving.decision.providers.capabilities import find_capability
from serving.decision.types import Arm, ReasoningSwitch
from training.doctor.arms import check_unknowns, check_words, unknown_facts
from training.doctor.checks import DoctorInput

GPT = (Arm("direct", "gpt-5.1"), Arm("reasoning", "gpt-5.1", "high"))


def test_every_format_of_every_arm_is_shown() -> None:
    result = check_words(DoctorInput(GPT))
    assert not result.is_refused
    assert ("direct", "chat", "none", '{"reasoning_effort":"none"}') in result.rows
    assert ("reasoning", "responses", "high", '{"reasoning":{"effort":"high"}}') in result.rows
    assert {len(row) for row in result.rows} == {len(result.columns)}


def test_arms_that_send_the_same_are_refused_by_name() -> None:
    result = check_words(DoctorInput((Arm("a", "house"), Arm("b", "house", "high"))))
    assert result.is_refused
    assert "'a' and 'b'" in result.findings[0].text
    assert result.rows == ()


def test_what_leaving_out_says_is_said() -> None:
    claude = (Arm("direct", "claude-sonnet-4-5"), Arm("reasoning", "claude-sonnet-4-5", "high"))
    rows = {row[:2]: row[3] for row in check_words(DoctorInput(claude)).rows}
    assert rows["direct", "messages"] == "nothing: leaving it out says it"


def test_what_is_not_known_is_listed_with_what_is_assumed() -> None:
    assert any("never asked for" in fact for fact in unknown_facts(find_capability("o3")))
    switch = ReasoningSwitch((("off", ()), ("on", (("think", True),))))
    own = (Arm("a", "house", reasoning=switch), Arm("b", "house", "high", reasoning=switch))
    assert "prompt cache" in check_unknowns(DoctorInput(own)).findings[0].text
