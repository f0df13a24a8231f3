"""Problems: documents of RFC 9457 with stable types, one status each, and every fault with its pointer."""

from __future__ import annotations

import orjson
import pytest

from serving.decision.errors import BadInput
from serving.schemas.models import ProblemAnswer
from serving.schemas.problems import INVALID, KINDS, NOT_JSON, RATE_LIMITED, BodyFault, Problem, ProblemKind, Rejected


def test_kinds_have_stable_names_of_their_own_and_an_error_status() -> None:
    assert len({kind.name for kind in KINDS}) == len({kind.title for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert 400 <= kind.status < 600
        assert kind.uri == f"urn:thinkgate:problem:{kind.name}"
        assert kind.name == kind.name.lower().replace(" ", "-")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_document_has_the_documented_form(kind: ProblemKind) -> None:
    document = orjson.loads(Problem(kind, "do this", (BodyFault("#/a", "leave it out"),)).to_json())
    assert document == {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "detail": "do this",
        "errors": [{"pointer": "#/a", "detail": "leave it out"}],
    }
    ProblemAnswer.model_validate(document)


def test_without_faults_there_is_no_list_of_them() -> None:
    assert "errors" not in Problem(NOT_JSON, "send JSON").members()


def test_headers_are_not_part_of_the_document() -> None:
    problem = Problem(RATE_LIMITED, "later", headers=((b"retry-after", b"1"),))
    assert b"retry-after" not in problem.to_json()


def test_a_rejection_carries_its_problem_and_is_a_bad_input() -> None:
    problem = Problem(INVALID, "name an arm")
    rejected = Rejected(problem)
    assert rejected.problem is problem
    assert isinstance(rejected, BadInput)
    assert str(rejected) == "invalid-request: name an arm"
