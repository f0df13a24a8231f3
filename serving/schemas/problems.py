"""Problem documents (RFC 9457): machine-readable error answers with a stable type and a cure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from serving.decision import BadInput

Headers = tuple[tuple[bytes, bytes], ...]
"""Headers of a request or an answer; names in lower case."""

MEDIA_TYPE: Final = b"application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One type of problem.

    Parameters
    ----------
    name
        Last part of its `type`, `urn:thinkgate:problem:NAME`; stable across versions.
    status
        HTTP status.
    title
        Summary, the same for every occurrence.
    """

    name: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        """The `type` member."""
        return f"urn:thinkgate:problem:{self.name}"


NOT_JSON: Final = ProblemKind("not-json", 400, "The body is not JSON")
NO_KEY: Final = ProblemKind("unauthenticated", 401, "A valid API key is needed")
FORBIDDEN: Final = ProblemKind("forbidden", 403, "The API key does not reach that far")
DENIED: Final = ProblemKind("denied", 403, "The policy leaves no arm")
NOT_FOUND: Final = ProblemKind("not-found", 404, "There is nothing at this address")
WRONG_METHOD: Final = ProblemKind("wrong-method", 405, "This address does not take that method")
TOO_SLOW: Final = ProblemKind("body-too-slow", 408, "The body took too long to arrive")
TOO_LARGE: Final = ProblemKind("body-too-large", 413, "The body is too large")
WRONG_TYPE: Final = ProblemKind("wrong-media-type", 415, "The body is of another media type")
INVALID: Final = ProblemKind("invalid-request", 422, "The request can't be read")
RATE_LIMITED: Final = ProblemKind("rate-limited", 429, "The API key has used up its rate")
UNEXPECTED: Final = ProblemKind("unexpected", 500, "The server failed")
NOT_READY: Final = ProblemKind("not-ready", 503, "The server is not ready")
NOTHING_BEFORE: Final = ProblemKind("nothing-before", 409, "There is no model to go back to")
NO_JOURNAL: Final = ProblemKind("no-journal", 404, "This server keeps no journal")
NOT_DURABLE: Final = ProblemKind("not-durable", 503, "Nothing could be made durable")

KINDS: Final = (
    NOT_JSON,
    NO_KEY,
    FORBIDDEN,
    DENIED,
    NOT_FOUND,
    WRONG_METHOD,
    TOO_SLOW,
    TOO_LARGE,
    WRONG_TYPE,
    INVALID,
    RATE_LIMITED,
    UNEXPECTED,
    NOT_READY,
    NOTHING_BEFORE,
    NO_JOURNAL,
    NOT_DURABLE,
)


@dataclass(frozen=True, slots=True)
class BodyFault:
    """One fault in a body.

    Parameters
    ----------
    pointer
        JSON pointer in fragment form, such as `#/messages/0/role`; `#` is the whole body.
    detail
        What to change.
    """

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One error answer.

    Parameters
    ----------
    detail
        What is wrong with this call and how to cure it; never contains text of a prompt.
    headers
        Response headers of the answer, such as `allow`.
    """

    kind: ProblemKind
    detail: str
    faults: tuple[BodyFault, ...] = ()
    headers: Headers = ()

    def members(self) -> Mapping[str, object]:
        """Return the members of the problem document.

        Examples
        --------
        >>> Problem(NOT_JSON, "send JSON").members()["type"]
        'urn:thinkgate:problem:not-json'
        """
        members: dict[str, object] = {
            "type": self.kind.uri,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
        }
        if self.faults:
            members["errors"] = self.faults
        return members

    def to_json(self) -> bytes:
        """Serialise the problem document."""
        return orjson.dumps(self.members())


class Rejected(BadInput):
    """A call that is answered with a problem.

    Parameters
    ----------
    problem
        The answer to send.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.kind.name}: {problem.detail}")
        self.problem = problem
