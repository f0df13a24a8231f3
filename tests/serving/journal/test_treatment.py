"""Treatment: a row counts as the arm that was applied, with the propensity that this arm then has, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.types import Arm
from serving.journal.rows import JournalEntry, OutcomeRow
from serving.journal.treatment import Treatment, find_arm, treatment_of
from tests.support.journal_rows import decision

ARMS = (Arm("direct", "gpt-5.1"), Arm("low", "gpt-5.1", "low"), Arm("reasoning", "claude-opus-4-6", "high"))


def arms_of(version: str) -> tuple[Arm, ...]:
    return ARMS if version == "default" else ()


def entry(reported: dict[str, Any] | None = None, **row: Any) -> JournalEntry:
    made = decision("d", arm="reasoning", model="claude-opus-4-6", effort="high", propensity=0.25)
    made = decision("d", **{"arm": made.arm, "model": made.model, "effort": "high", "propensity": 0.25, **row})
    return JournalEntry(made, None if reported is None else OutcomeRow("d", 1.0, success=1.0, **reported))


def test_an_old_row_or_a_caller_that_says_nothing_was_served_as_decided() -> None:
    asked = Treatment("reasoning", "claude-opus-4-6", 0.25)
    assert treatment_of(entry()) == asked
    assert treatment_of(entry({})) == asked
    assert treatment_of(entry({}, propensities='{"direct":0.75,"reasoning":0.25}')) == asked


def test_a_gateway_s_row_counts_as_what_it_applied() -> None:
    row = {"applied_model": "gpt-5.1", "applied_effort": "none", "not_applied": "conflict:temperature"}
    found = treatment_of(entry({}, **row, applied_arm="direct", applied_propensity=1.0))
    assert found == Treatment("direct", "gpt-5.1", 1.0)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"applied_model": "glm-9", "not_applied": "unknown_model"}, ("unknown_model", "not known")),
        ({"not_applied": "failed"}, ("failed", "not known")),
        ({"applied_model": "gpt-5.1", "applied_effort": "medium", "not_applied": "client"}, ("client", "medium")),
        ({"applied_model": "gpt-5.1", "applied_effort": "medium"}, ("as decided", "medium")),
    ],
)
def test_what_is_no_arm_or_unknown_says_why(row: dict[str, Any], words: tuple[str, ...]) -> None:
    found = treatment_of(entry({}, **row))
    assert found.arm is None
    assert all(word in found.why_not for word in words)


def test_a_report_as_decided_changes_nothing() -> None:
    for reported in ({"applied_effort": "high"}, {"applied_model": "anthropic/claude-opus-4-6"}):
        assert treatment_of(entry(reported), arms_of).propensity == 0.25
        assert treatment_of(entry(reported)).arm == "reasoning"


def test_a_reported_effort_is_another_arm_s_only_where_that_arm_could_not_be_drawn() -> None:
    reported = {"applied_effort": "none", "applied_model": "gpt-5.1"}
    sure = treatment_of(entry(reported, propensity=1.0, propensities='{"direct":0.0,"reasoning":1.0}'), arms_of)
    assert (sure.arm, sure.propensity) == ("direct", 1.0)
    other = treatment_of(entry(reported, propensities='{"direct":0.0,"low":0.75,"reasoning":0.25}'), arms_of)
    assert (other.arm, other.propensity) == ("direct", 0.25)
    for drawn in ('{"direct":0.75,"reasoning":0.25}', None):
        left_out = treatment_of(entry(reported, propensities=drawn), arms_of)
        assert left_out.arm is None
        assert "propensity is not known" in left_out.why_not


def test_a_reported_effort_of_no_arm_or_of_unknown_arms_is_left_out() -> None:
    assert "effort minimal" in treatment_of(entry({"applied_effort": "minimal"}), arms_of).why_not
    assert treatment_of(entry({"applied_effort": "none"}, policy="gone"), arms_of).arm is None


def test_a_report_counts_more_than_the_row() -> None:
    row = {"applied_model": "gpt-5.1", "applied_effort": "none", "applied_arm": "direct", "applied_propensity": 1.0}
    found = treatment_of(entry({"applied_effort": "low"}, **row, propensity=1.0), arms_of)
    assert (found.arm, found.model) == ("low", "gpt-5.1")


def test_an_arm_is_found_by_the_effort_that_its_model_takes() -> None:
    arms = (Arm("small", "gpt-5-mini"), Arm("same", "gpt-5-mini", "minimal"), Arm("big", "gpt-5-mini", "max"))
    assert find_arm(arms, "gpt-5-mini-2025-08-07", "minimal") == arms[0]
    assert find_arm(arms, "gpt-5-mini", "minimal", first="same") == arms[1]
    assert find_arm(arms, "gpt-5-mini", "high") == arms[2]
    assert find_arm(arms, None, "high") is None
    deployed = (Arm("direct", "gpt-5.1", aliases=("chat-prod",)),)
    assert find_arm(deployed, "azure/chat-prod", "none") == deployed[0]
