"""Outcomes over HTTP and at the desk: acknowledged when durable, told once, refused with a cure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from serving.decision.engine import RecordedDecision
from serving.decision.types import Message, Request
from serving.http_api.auth_middleware import required_scope
from serving.http_api.docs.examples import OUTCOME_REPORTS
from serving.http_api.outcomes import OutcomeRoutes
from serving.journal import DecisionRow, Journal, OutcomeRow, Store
from serving.journal.decision_draft import DecisionDraft
from serving.journal.settings import JournalSettings
from serving.schemas.limits import RequestLimits
from serving.service.outcome_service import OutcomeService, RecentDecisions
from serving.service.ports import OutcomeSink
from tests.support.fakes import Client, LengthDecider, client_of, make_service
from tests.support.journal_rows import decision
from tests.support.policy_cases import NOW, engine

PATH = "/v1/outcomes"
LIMITS = RequestLimits(max_outcomes=3)


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


def desk_of(journal: Journal | None, *sinks: OutcomeSink, recent: RecentDecisions | None = None) -> OutcomeService:
    look_up = journal.store.decisions if journal else _nobody
    return OutcomeService(journal, recent or RecentDecisions(), look_up, sinks)


def client(journal: Journal | None, desk: OutcomeService | None = None) -> Client:
    routes = OutcomeRoutes(desk or desk_of(journal), journal, LIMITS, clock=lambda: 50.0).routes
    return client_of(make_service(LengthDecider()), LIMITS, routes=routes)


def _nobody(_ids: Sequence[str]) -> Sequence[DecisionRow]:
    return ()


def test_what_is_acknowledged_is_in_the_database(journal: Journal) -> None:
    answer = client(journal).post(PATH, {"decision_id": "a", "success": 1, "output_tokens": 7, "timestamp": 9.5})
    assert (answer.status, answer.json()) == (200, {"accepted": 1})
    many = client(journal).post(PATH, [{"decision_id": "b", "failure_mode": "timeout"}, {"decision_id": "a"}])
    assert many.json() == {"accepted": 2}
    journal.store.append([decision("a"), decision("b")], [])
    first, second = journal.store.entry("a"), journal.store.entry("b")
    assert first is not None
    assert second is not None
    assert first.outcome == OutcomeRow("a", 50.0, success=1.0, output_tokens=7)
    assert second.outcome == OutcomeRow("b", 50.0, failure_mode="timeout")


def test_examples_are_taken(journal: Journal) -> None:
    for example in OUTCOME_REPORTS:
        assert client(journal).post(PATH, example.value).status == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/decision_id"),
        ([], "#"),
        ([{"decision_id": "a"}] * 4, "#"),
        (7, "#"),
        ({"decision_id": "a" * 65}, "#/decision_id"),
        ({"decision_id": ""}, "#/decision_id"),
        ({"decision_id": "a", "success": 1.5}, "#/success"),
        ({"decision_id": "a", "success": "1"}, "#/success"),
        ({"decision_id": "a", "output_tokens": -1}, "#/output_tokens"),
        ({"decision_id": "a", "output_tokens": 2**60}, "#/output_tokens"),
        ({"decision_id": "a", "cost_usd": -0.1}, "#/cost_usd"),
        ({"decision_id": "a", "failure_mode": "bad luck"}, "#/failure_mode"),
        ({"decision_id": "a", "sucess": 1}, "#/sucess"),
        ([{"decision_id": "a"}, {"decision_id": "b", "retries": 0.5}], "#/1/retries"),
        ([{"decision_id": "a"}, "b"], "#/1"),
    ],
)
def test_bad_reports_name_the_place(journal: Journal, body: object, pointer: str) -> None:
    answer = client(journal).post(PATH, body)
    assert answer.status == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert journal.stats().written_outcomes == 0


def test_without_room_the_reporter_is_told_to_come_again(tmp_path: Path) -> None:
    settings = JournalSettings(outcome_spool_bytes=10)
    journal = Journal(Store("postgresql://nobody@127.0.0.1:1/none"), tmp_path / "spool", settings)
    answer = client(journal).post(PATH, {"decision_id": "a", "success": 1})
    assert (answer.status, answer.json()["type"]) == (503, "urn:thinkgate:problem:not-durable")
    assert answer.headers["retry-after"] == "1"
    forgotten = client(journal).call("DELETE", "/v1/journal?tenant=x")
    assert forgotten.status == 503
    assert journal.stats().refused_outcomes == 1
    journal.close()


def test_without_a_journal_it_says_so() -> None:
    assert client(None).post(PATH, {"decision_id": "a"}).json()["type"] == "urn:thinkgate:problem:no-journal"
    assert client(None).call("DELETE", "/v1/journal?tenant=x").status == 404


def test_a_tenant_is_forgotten_with_what_still_waits(journal: Journal) -> None:
    for row in (decision("x", tenant="acme"), decision("y", session_id="s 1"), decision("z")):
        journal.record(row)
    http = client(journal)
    assert http.call("DELETE", "/v1/journal?tenant=acme").json() == {"decisions": 1}
    assert http.call("DELETE", "/v1/journal?session_id=s%201").json() == {"decisions": 1}
    assert [row.decision_id for row in journal.store.decisions(["x", "y", "z"])] == ["z"]
    for bad in ("", "?", "?tenant=", "?tenant=a&session_id=b", "?tenant=a&tenant=b", "?all=1", "?" + "a=1&" * 20):
        assert http.call("DELETE", "/v1/journal" + bad).status == 422


def test_sinks_hear_of_news_once_with_the_decision(journal: Journal) -> None:
    sink, recent = Hears(), RecentDecisions()
    guard = make_service(LengthDecider(), sinks=(recent,))
    known = guard.decide(Request((Message("user", "hello"),), tenant="t")).decision_id
    journal.store.upgrade()
    journal.store.append([decision("old", messages="text", replay="{}")], [])
    desk = desk_of(journal, Breaks(), sink, recent=recent)
    rows = [OutcomeRow(name, 1.0, success=1.0) for name in (known, "old", "unknown")]

    async def report() -> None:
        assert await desk.report(rows) == 3
        assert await desk.report(rows) == 3
        assert await desk.report([OutcomeRow(known, 2.0, success=0.0)]) == 1
        while len(sink.heard) < 4:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(report(), 20))
    told = [(row.decision_id, row.success, found.tenant if found else None) for row, found in sink.heard]
    assert (known, 1.0, "t") in told
    assert (known, 0.0, "t") in told
    found = {row.decision_id: decision for row, decision in sink.heard}
    assert found["unknown"] is None
    assert (found["old"] and found["old"].messages, found["old"] and found["old"].replay) == (None, None)
    assert (desk.stats.accepted, desk.stats.repeated, desk.stats.unknown, desk.stats.contained) == (7, 3, 1, 4)


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
    assert recent.find(made.decision.decision_id) == replace(row, replay=None)


def test_every_route_has_its_scope(journal: Journal) -> None:
    document = client(journal).get("/openapi.json").json()
    scopes = {
        (m.upper(), path): required_scope(m.upper(), path)
        for path, methods in document["paths"].items()
        for m in methods
    }
    assert scopes[("POST", PATH)] == "report"
    assert scopes[("DELETE", "/v1/journal")] == "admin"
    assert {path for (_, path), scope in scopes.items() if scope == "nothing"} == {"/healthz", "/readyz"}


def test_reporter_that_gives_up_harms_no_other(journal: Journal) -> None:
    """A gRPC caller whose deadline passes cancels its call in the middle of a report."""

    async def run() -> None:
        desk = desk_of(journal)
        for place in range(20):
            given_up = asyncio.create_task(desk.report([OutcomeRow(f"up{place}", 1.0)]))
            other = asyncio.create_task(desk.report([OutcomeRow(f"ok{place}", 1.0)]))
            await asyncio.sleep(0)
            given_up.cancel()
            assert await asyncio.wait_for(other, 10) == 1
            assert given_up.cancelled()

    asyncio.run(run())
