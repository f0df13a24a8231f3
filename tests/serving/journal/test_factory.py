"""The recorder: a decision reaches the database with what replays it, under the privacy that was chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from serving.decision.conversation import parse_messages
from serving.decision.ids import prompt_id
from serving.decision.selection.decide import replay_decision
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.types import Message, Request
from serving.journal import DecisionDraft, Journal, Store
from serving.journal.factory import JournalSink, WorkerSlot, default_spool_folder, open_journal
from serving.journal.redaction import StorePrompts
from serving.journal.settings import JournalSettings
from serving.model.slot import EngineSlot, LiveEngine
from serving.service.decision_service import DecisionService
from tests.support.fakes import BrokenDecider, Ticks, make_service
from tests.support.policy_cases import ARMS, engine

TALK = Request(
    (Message("user", "mail jo@example.org\x00 now", images=2), Message("assistant", "", tool_calls=1)), tenant="acme"
)


@pytest.mark.parametrize("privacy", ["none", "hash", "redacted", "full"])
def test_a_journalled_decision_is_made_again_to_the_bit(privacy: StorePrompts, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'j.db'}")
    journal = Journal(store, tmp_path / "spool")
    made = engine()
    live = LiveEngine(made, ARMS, "fixed", made.version)
    guard = DecisionService(
        EngineSlot(live), "baseline", Ticks(), lambda: "0" * 26, sinks=(JournalSink(journal, privacy),)
    )
    decision = guard.decide(TALK)
    journal.close()
    row = Store(f"sqlite:///{tmp_path / 'j.db'}").decisions([decision.decision_id])[0]
    entry = Store(f"sqlite:///{tmp_path / 'j.db'}").entry(decision.decision_id)
    assert entry is not None
    assert entry.decision.replay is not None
    again = replay_decision(DecisionRecord.from_json(entry.decision.replay), made.arms, made.policy, made.prices)
    assert replace(again, elapsed_us=decision.elapsed_us) == decision
    assert (row.tenant, row.replay, row.messages) == ("acme", None, None)
    assert row.prompt_id == ("" if privacy == "none" else prompt_id(TALK.messages))
    text = entry.decision.messages
    if privacy in ("none", "hash"):
        assert text is None
    else:
        kept = parse_messages(orjson.loads(text or ""))
        assert [(m.images, m.tool_calls) for m in kept] == [(2, 0), (0, 1)]
        assert ("jo@example.org" in (text or "")) == (privacy == "full")


def test_a_fallback_is_journalled_without_a_replay() -> None:
    heard: list[DecisionDraft] = []

    class Keeps:
        def record(self, made: DecisionDraft) -> None:
            heard.append(made)

    guard = make_service(BrokenDecider(), sinks=(JournalSink(Keeps(), "hash"),))  # type: ignore[arg-type]
    guard.decide(TALK)
    row = heard[0].row()
    assert (row.fallback, row.replay, row.decided_at) == ("baseline", None, 1_700_000_000.0)


def test_decisions_are_bounded_by_what_they_hold(tmp_path: Path) -> None:
    store = Store("postgresql://nobody@127.0.0.1:1/none")
    journal = Journal(store, tmp_path / "spool", JournalSettings(max_queued_chars=50, flush_ms=60_000.0))
    guard = make_service(BrokenDecider(), sinks=(JournalSink(journal, "full"),))
    for _ in range(5):
        guard.decide(TALK)
    assert (journal.stats().queued, journal.stats().lost_decisions) == (2, 3)
    journal.close()


def test_fewer_workers_take_over_the_spools_of_those_that_are_gone(tmp_path: Path) -> None:
    down = "postgresql://nobody@127.0.0.1:1/none"
    for number in range(4):
        journal = open_journal(down, tmp_path / "spool", JournalSettings(), WorkerSlot(number, 4))
        assert journal is not None
        make_service(BrokenDecider(), sinks=(JournalSink(journal, "none"),)).decide(TALK)
        journal.close()
        assert (tmp_path / "spool" / str(number) / "decisions.spool").exists()
    url = f"sqlite:///{tmp_path / 'j.db'}"
    for number in range(2):
        journal = open_journal(url, tmp_path / "spool", JournalSettings(), WorkerSlot(number, 2))
        assert journal is not None
        journal.close()
    assert not list((tmp_path / "spool").glob("*/decisions.spool"))
    assert default_spool_folder(url).name == "j.db.spool"
