"""An explanation makes the decision again from its row, or says why it can't."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.decision import Engine
from serving.decision.policy import Policy
from serving.decision.prior import PriorModel
from serving.decision.types import Arm, Price
from serving.journal import DecisionRow, JournalEntry
from serving.journal.decision_draft import DecisionDraft
from serving.service.explanation import explain_entry, net_benefit_usd
from tests.support.policy_cases import ask

PRICE = Price(1.25, 10.0, 0.125)
ARMS = (Arm("direct", "m", "none", price=PRICE), Arm("reasoning", "m", "high", price=PRICE))
PRIOR = PriorModel(ARMS)
ENGINE = Engine(PRIOR, Policy(), prior=PRIOR)


@pytest.fixture
def row() -> DecisionRow:
    return DecisionDraft(ask(), ENGINE.decide_recorded(ask()), "hash").row()


def test_the_same_decision_comes_out_with_its_sum(row: DecisionRow) -> None:
    explained = explain_entry(JournalEntry(row, None), ENGINE.bound_policy)
    assert explained.same is True
    assert explained.arithmetic is not None
    assert explained.arithmetic.decision.arm == row.arm
    assert (explained.note, explained.outcome) == ("", None)


def test_a_row_that_was_changed_is_noticed(row: DecisionRow) -> None:
    other = "direct" if row.arm == "reasoning" else "reasoning"
    explained = explain_entry(JournalEntry(replace(row, arm=other), None), ENGINE.bound_policy)
    assert explained.same is False


def test_without_the_policy_of_then_there_is_no_sum(row: DecisionRow) -> None:
    explained = explain_entry(JournalEntry(row, None), None)
    assert (explained.arithmetic, explained.same) == (None, None)
    assert row.policy in explained.note


def test_a_fallback_has_nothing_to_replay(row: DecisionRow) -> None:
    explained = explain_entry(JournalEntry(replace(row, replay=None, fallback="baseline"), None), ENGINE.bound_policy)
    assert (explained.arithmetic, explained.same, explained.fallback) == (None, None, "baseline")
    assert "a fallback answered" in explained.note


def test_the_net_benefit_is_that_of_the_sum() -> None:
    request = ask(client_effort="high")
    decided = ENGINE.decide_recorded(request)
    row = DecisionDraft(request, decided, "hash").row()
    explained = explain_entry(JournalEntry(row, None), ENGINE.bound_policy)
    assert explained.arithmetic is not None
    assert decided.decision.arm == "reasoning"
    net_usd = net_benefit_usd(decided, ENGINE.bound_policy)
    assert net_usd == explained.arithmetic.arms["reasoning"].net_usd
    assert net_usd != 0.0


def test_without_a_model_or_its_policy_there_is_no_net_benefit() -> None:
    decided = ENGINE.decide_recorded(ask())
    other = Engine(PRIOR, Policy(seed=3), prior=PRIOR)
    assert net_benefit_usd(decided, None) is None
    assert net_benefit_usd(decided, other.bound_policy) is None
    assert net_benefit_usd(replace(decided, record=None), ENGINE.bound_policy) is None
