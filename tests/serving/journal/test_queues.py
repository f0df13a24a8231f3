"""Decision queue: bounded by rows and by characters of prompt, and one bad draft does not lose its batch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.decision.engine import RecordedDecision
from serving.decision.types import Message, Request
from serving.journal.decision_draft import DecisionDraft
from serving.journal.queues import DecisionQueue
from serving.journal.rows import DecisionRow
from serving.journal.settings import JournalSettings
from tests.support.fakes import LengthDecider
from tests.support.journal_rows import decision


class Clock:
    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


def queue(clock: Clock | None = None, **settings: int) -> DecisionQueue:
    return DecisionQueue(JournalSettings(**settings), clock or Clock())


def draft(text: str) -> DecisionDraft:
    request = Request((Message("user", text),))
    return DecisionDraft(request, LengthDecider().decide_recorded(request), "full")


def test_rows_leave_in_order_in_batches() -> None:
    waiting = queue(batch=2)
    for name in "abc":
        waiting.put(decision(name))
    assert [row.decision_id for row in waiting.rows()] == ["a", "b"]
    assert len(waiting) == 1
    assert [row.decision_id for row in waiting.rows()] == ["c"]
    assert waiting.rows() == []


def test_a_full_queue_counts_what_it_turns_away() -> None:
    waiting = queue(max_queued=2)
    for name in "abcd":
        waiting.put(decision(name))
    assert (len(waiting), waiting.lost) == (2, 2)
    waiting.take()
    waiting.put(decision("e"))
    assert (len(waiting), waiting.lost) == (1, 2)


def test_characters_of_prompt_are_bounded_and_freed_again() -> None:
    waiting = queue(max_queued_chars=10)
    waiting.put(draft("123456"))
    waiting.put(draft("12345"))
    waiting.put(draft("1234"))
    assert (len(waiting), waiting.lost) == (2, 1)
    waiting.take()
    waiting.put(draft("1234567890"))
    assert (len(waiting), waiting.lost) == (1, 1)


def test_drafts_become_rows_and_rows_pass() -> None:
    waiting = queue()
    ready = decision("ready")
    waiting.put(draft("hello"))
    waiting.put(ready)
    first, second = waiting.rows()
    assert isinstance(first, DecisionRow)
    assert "hello" in (first.messages or "")
    assert second is ready


def test_a_draft_without_a_row_is_lost_alone(caplog: pytest.LogCaptureFixture) -> None:
    waiting = queue()
    made = draft("CANARY")
    broken = replace(made.decided.decision, estimates=None)  # type: ignore[arg-type]
    waiting.put(replace(made, decided=RecordedDecision(broken, None)))
    waiting.put(decision("good"))
    assert [row.decision_id for row in waiting.rows()] == ["good"]
    assert waiting.lost == 1
    assert "AttributeError" in caplog.text
    assert "CANARY" not in caplog.text


def test_lag_is_the_age_of_the_oldest() -> None:
    clock = Clock()
    waiting = queue(clock, batch=1)
    assert waiting.lag_s == 0.0
    waiting.put(decision("a"))
    clock.now += 2.0
    waiting.put(decision("b"))
    assert waiting.lag_s == 2.0
    waiting.take()
    waiting.take()
    assert waiting.lag_s == 0.0
