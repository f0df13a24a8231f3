"""Decision draft: the row holds what was decided, and no more of the prompt than the privacy allows."""

from __future__ import annotations

import random
from dataclasses import replace

import orjson
import pytest

from serving.decision.engine import RecordedDecision
from serving.decision.ids import IdSource, prompt_id
from serving.decision.policy.policy import Exploration
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.types import Applied, Decision, Message, Request
from serving.journal.decision_draft import DecisionDraft, build_row
from serving.journal.redaction import StorePrompts
from tests.support.fakes import LengthDecider
from tests.support.policy_cases import ask, engine, policy

SECRET = Request((Message("user", "mail jo@example.org"), Message("assistant", "ok")), tenant="acme", session_id="s")
NOW = 1_700_000_000.0


def test_a_row_repeats_its_decision_and_the_forecast_of_its_arm() -> None:
    decided = engine().decide_recorded(ask(tenant="acme", task="maths"))
    decision, record = decided.decision, decided.record
    assert record is not None
    row = build_row(ask(tenant="acme", task="maths"), decided)
    for name in Decision.__dataclass_fields__.keys() - {"estimates", "caps"}:
        assert getattr(row, name) == getattr(decision, name), name
    estimate = decision.estimates[decision.arm]
    assert (row.expected_success, row.expected_cost_usd) == (estimate.success, estimate.cost_usd)
    assert row.expected_latency_p95_ms == estimate.latency_p95_ms
    assert (row.decided_at, row.task, row.tenant) == (record.now, "maths", "acme")
    assert (row.prompt_id, row.messages, row.replay) == ("", None, None)


def test_a_row_holds_what_was_applied_and_the_forecast_of_that_arm() -> None:
    decided = engine().decide_recorded(ask())
    other = next(name for name in decided.decision.estimates if name != decided.decision.arm)
    applied = Applied("gpt-5.1", "none", "conflict:temperature", other, 1.0, "rewrite")
    row = build_row(ask(), replace(decided, applied=applied))
    assert (row.arm, row.propensity) == (decided.decision.arm, decided.decision.propensity)
    assert (row.applied_model, row.applied_effort, row.not_applied) == ("gpt-5.1", "none", "conflict:temperature")
    assert (row.applied_arm, row.served_arm, row.applied_propensity) == (other, other, 1.0)
    assert row.expected_cost_usd == decided.decision.estimates[other].cost_usd
    unknown = build_row(ask(), replace(decided, applied=Applied(None, None, "failed")))
    assert unknown.served_arm is None
    assert unknown.expected_cost_usd == decided.decision.estimates[decided.decision.arm].cost_usd
    as_decided = build_row(ask(), replace(decided, applied=replace(applied, not_applied="", arm=decided.decision.arm)))
    assert (as_decided.not_applied, as_decided.served_arm) == (None, decided.decision.arm)


def test_a_row_holds_the_whole_draw() -> None:
    exploring = policy(exploration=Exploration(use=0.3, maybe=0.3, avoid=0.3))
    decided = engine(policy=exploring).decide_recorded(ask())
    drawn = orjson.loads(DecisionDraft(ask(), decided, "none").row().propensities or "")
    assert list(drawn) == ["direct", "low", "high"]
    assert drawn[decided.decision.arm] == decided.decision.propensity
    assert sum(drawn.values()) == pytest.approx(1.0, abs=1e-12)
    assert sorted(drawn.values())[:2] == [0.3 / 3, 0.3 / 3]
    broken = replace(decided, propensities=(1.0,))
    assert DecisionDraft(ask(), broken, "none").row().propensities is None
    alone = RecordedDecision(replace(decided.decision, estimates={}, arm="direct", propensity=1.0), None)
    assert DecisionDraft(ask(), alone, "none").row().propensities == '{"direct":1.0}'


def test_without_a_record_the_time_is_read_off_the_id() -> None:
    decision = replace(LengthDecider().decide(SECRET), decision_id=IdSource(lambda: NOW, random.Random(7))())
    row = DecisionDraft(SECRET, RecordedDecision(decision, None), "full").row()
    assert (row.decided_at, row.replay, row.session_id) == (NOW, None, "s")


@pytest.mark.parametrize(
    ("privacy", "hashed", "text"),
    [("none", False, None), ("hash", True, None), ("redacted", True, "mail [email]"), ("full", True, SECRET)],
)
def test_privacy_decides_what_of_the_prompt_is_kept(privacy: StorePrompts, hashed: bool, text: object) -> None:
    row = DecisionDraft(SECRET, LengthDecider().decide_recorded(SECRET), privacy).row()
    assert row.prompt_id == (prompt_id(SECRET.messages) if hashed else "")
    if text is None:
        assert row.messages is None
    else:
        expected = "mail jo@example.org" if text is SECRET else text
        assert orjson.loads(row.messages or "")[0]["content"] == expected


def test_the_replay_reads_back_as_the_record() -> None:
    decided = engine().decide_recorded(ask())
    row = DecisionDraft(ask(), decided, "none").row()
    assert row.replay is not None
    assert DecisionRecord.from_json(row.replay) == decided.record


def test_the_shadow_and_the_size_are_noted() -> None:
    draft = DecisionDraft(SECRET, LengthDecider().decide_recorded(SECRET), "none", "bundle-2", "reasoning")
    assert draft.chars == len("mail jo@example.org") + len("ok")
    row = draft.row()
    assert (row.shadow_bundle_id, row.shadow_arm) == ("bundle-2", "reasoning")
