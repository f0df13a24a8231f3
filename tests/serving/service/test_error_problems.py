"""Errors of a call become the problem that tells the caller what to do; other errors tell nothing of the request."""

from __future__ import annotations

import pytest

from serving.decision.errors import BadRequest
from serving.decision.selection.arm_scoring import EveryArmDenied
from serving.journal.writer import JournalUnavailable
from serving.schemas.problems import NOT_FOUND, Problem, ProblemKind, Rejected
from serving.service.error_problems import CALL_ERRORS, SERVER_FAULT, CallError, error_location, problem_of
from serving.service.outcome_service import NoJournal


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (BadRequest("say more"), 422, "invalid-request"),
        (EveryArmDenied("say more"), 403, "denied"),
        (NoJournal("say more"), 404, "no-journal"),
        (JournalUnavailable("say more"), 503, "not-durable"),
    ],
)
def test_message_of_the_error_is_the_detail(error: CallError, status: int, name: str) -> None:
    problem = problem_of(error)
    assert isinstance(error, CALL_ERRORS)
    assert (problem.kind.status, problem.kind.uri) == (status, f"urn:thinkgate:problem:{name}")
    assert problem.detail == "say more"


def test_rejected_call_keeps_its_own_problem() -> None:
    problem = Problem(NOT_FOUND, "no such decision", headers=((b"x-a", b"1"),))
    assert problem_of(Rejected(problem)) is problem


def test_only_a_journal_that_is_down_asks_to_come_again() -> None:
    assert problem_of(JournalUnavailable("no room")).headers == ((b"retry-after", b"1"),)
    assert problem_of(NoJournal("none is kept")).headers == ()


def test_server_fault_tells_nothing_of_the_request() -> None:
    kind: ProblemKind = SERVER_FAULT.kind
    assert kind.status == 500
    assert "log" in SERVER_FAULT.detail


def _fail(text: str) -> None:
    raise ValueError(text)


def test_location_names_the_innermost_frame_and_not_the_message() -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        _fail("a secret")
    location = error_location(caught.value)
    assert location.startswith("ValueError in _fail, line ")
    assert location.rpartition(" ")[2].isdigit()
    assert "secret" not in location


def test_error_that_was_never_raised_has_a_type_only() -> None:
    assert error_location(KeyError("x")) == "KeyError"
