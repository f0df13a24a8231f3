"""The outcome service: outcomes are acknowledged when durable, and sinks are notified of each once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from serving.decision.engine import RecordedDecision
from serving.decision.types import Message, Request
from serving.journal import DecisionRow, Journal, OutcomeRow, Store
from serving.journal.decision_draft import DecisionDraft
from serving.service.outcome_service import OutcomeService, RecentDecisions
from serving.service.ports import OutcomeSink
from tests.support.fakes import LengthDecider, make_service
from tests.support.journal_rows import decision
from tests.support.policy_cases import NOW, engine


class Hears:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[OutcomeRow, DecisionRow | None]] = []

    def reported(self, outcome: OutcomeRow, decision: DecisionRow | None) -> None:
        self.heard.append((outcome, decision))


class Breaks:
    """A sink that raises."""

    def reported(self, outcome: OutcomeRow, decision: DecisionRow | None) -> None:
        raise RuntimeError("no")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(Store(f"sqlite:///{tmp_path / 'j.db'}"), tmp_path / "spool")
    yield journal
    journal.close()


def service_of(journal: Journal | None, *sinks: OutcomeSink, recent: RecentDecisions | None = None) -> OutcomeService:
    look_up = journal.store.decisions if journal else _nobody
    return OutcomeService(journal, recent or RecentDecisions(), look_up, sinks)


def _nobody(_ids: Sequence[str]) -> Sequence[DecisionRow]:
    return ()


def test_sinks_hear_of_news_once_with_the_decision(journal: Journal) -> None:
    sink, recent = Hears(), RecentDecisions()
    guard = make_service(LengthDecider(), sinks=(recent,))
    known = guard.decide(Request((Message("user", "hello"),), tenant="t")).decision_id
    journal.store.upgrade()
    journal.store.append([decision("old", messages="text", replay="{}")], [])
    service = service_of(journal, Breaks(), sink, recent=recent)
    rows = [OutcomeRow(name, 1.0, success=1.0) for name in (known, "old", "unknown")]

    async def report() -> None:
        assert await service.report(rows) == 3
        assert await service.report(rows) == 3
        assert await service.report([OutcomeRow(known, 2.0, success=0.0)]) == 1
        while len(sink.heard) < 4:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(report(), 20))
    told = [(row.decision_id, row.success, found.tenant if found else None) for row, found in sink.heard]
    assert (known, 1.0, "t") in told
    assert (known, 0.0, "t") in told
    found = {row.decision_id: decision for row, decision in sink.heard}
    assert found["unknown"] is None
    assert (found["old"] and found["old"].messages, found["old"] and found["old"].replay) == (None, None)
    assert (service.stats.accepted, service.stats.repeated, service.stats.unknown, service.stats.contained) == (
        7,
        3,
        1,
        4,
    )


def test_recent_decisions_are_bounded() -> None:
    recent = RecentDecisions(capacity=2)
    sample = LengthDecider().decide(Request((Message("user", "a"),)))
    for name in ("A" * 26, "B" * 26, "C" * 26):
        recent.decided(Request(()), RecordedDecision(replace(sample, decision_id=name), None))
    assert recent.find("A" * 26) is None
    made = engine().decide_recorded(Request((Message("user", "hello"),), tenant="t", session_id="s", task="maths"))
    recent.decided(Request((Message("user", "hello"),), tenant="t", session_id="s", task="maths"), made)
    found = recent.find(made.decision.decision_id)
    assert found is not None
    assert (found.tenant, found.session_id, found.task, found.decided_at) == ("t", "s", "maths", NOW)
    assert found.expected_cost_usd == made.decision.estimates[made.decision.arm].cost_usd
    assert recent.find("B" * 26) is not None or recent.find("C" * 26) is not None


@pytest.mark.parametrize("recorded", [True, False])
def test_a_remembered_decision_is_its_journal_row_without_prompt_and_forecast(recorded: bool) -> None:
    recent = RecentDecisions()
    request = Request((Message("user", "hello"),), tenant="t", session_id="s", task="maths")
    made = engine().decide_recorded(request)
    made = made if recorded else replace(made, record=None, decision=replace(made.decision, estimates={}))
    recent.decided(request, made)
    row = DecisionDraft(request, made, "none").row()
    assert recent.find(made.decision.decision_id) == replace(row, replay=None, propensities=None)


def test_reporter_that_gives_up_harms_no_other(journal: Journal) -> None:
    """A gRPC caller whose deadline passes cancels its call in the middle of a report."""

    async def run() -> None:
        service = service_of(journal)
        for place in range(20):
            given_up = asyncio.create_task(service.report([OutcomeRow(f"up{place}", 1.0)]))
            other = asyncio.create_task(service.report([OutcomeRow(f"ok{place}", 1.0)]))
            await asyncio.sleep(0)
            given_up.cancel()
            assert await asyncio.wait_for(other, 10) == 1
            assert given_up.cancelled()

    asyncio.run(run())
