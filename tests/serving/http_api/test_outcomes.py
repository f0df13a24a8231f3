"""The journal's HTTP routes: reports are acknowledged once durable, refused with a cure, and rows can be deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from serving.http_api.auth_middleware import required_scope
from serving.http_api.docs.examples import OUTCOME_REPORTS
from serving.http_api.outcomes import OutcomeRoutes
from serving.journal.rows import DecisionRow, OutcomeRow
from serving.journal.settings import JournalSettings
from serving.journal.store import Store
from serving.journal.writer import Journal
from serving.schemas.limits import RequestLimits
from serving.service.outcome_service import OutcomeService, RecentDecisions
from tests.support.fakes import Client, LengthDecider, client_of, make_service
from tests.support.journal_rows import decision

PATH = "/v1/outcomes"
LIMITS = RequestLimits(max_outcomes=3)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(Store(f"sqlite:///{tmp_path / 'j.db'}"), tmp_path / "spool")
    yield journal
    journal.close()


def _find_nothing(_ids: Sequence[str]) -> Sequence[DecisionRow]:
    return ()


def client(journal: Journal | None) -> Client:
    find = _find_nothing if journal is None else journal.store.decisions
    service = OutcomeService(journal, RecentDecisions(), find)
    routes = OutcomeRoutes(service, journal, LIMITS, clock=lambda: 50.0).routes
    return client_of(make_service(LengthDecider()), LIMITS, routes=routes)


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


def test_examples_are_accepted(journal: Journal) -> None:
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
