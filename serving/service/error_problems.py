"""Maps the errors that end a call to problem documents (RFC 9457): one mapping for HTTP and gRPC."""

from __future__ import annotations

import traceback
from typing import Final

from serving.decision import BadRequest
from serving.decision.selection import EveryArmDenied
from serving.journal import JournalUnavailable
from serving.schemas import DENIED, INVALID, NO_JOURNAL, NOT_DURABLE, UNEXPECTED, Problem, Rejected
from serving.service.outcome_service import NoJournal

CallError = Rejected | BadRequest | EveryArmDenied | NoJournal | JournalUnavailable
CALL_ERRORS: Final = (Rejected, BadRequest, EveryArmDenied, NoJournal, JournalUnavailable)
"""Errors that tell the caller something; every other one is a fault of the server."""

SERVER_FAULT: Final = Problem(UNEXPECTED, "this is a fault of the server, not of the request; its log says where")

_RETRY_AFTER: Final = ((b"retry-after", b"1"),)


def problem_of(error: CallError) -> Problem:
    """Describe an error of `CALL_ERRORS` to the caller.

    Examples
    --------
    >>> problem_of(NoJournal("start the server with --journal")).kind.status
    404
    """
    if isinstance(error, Rejected):
        return error.problem
    if isinstance(error, BadRequest):
        return Problem(INVALID, str(error))
    if isinstance(error, EveryArmDenied):
        return Problem(DENIED, str(error))
    if isinstance(error, NoJournal):
        return Problem(NO_JOURNAL, str(error))
    return Problem(NOT_DURABLE, str(error), headers=_RETRY_AFTER)


def error_location(error: Exception) -> str:
    """Give the error's type and the place that raised it, never its message: that may quote the prompt."""
    frames = traceback.extract_tb(error.__traceback__)
    kind = type(error).__name__
    return f"{kind} in {frames[-1].name}, line {frames[-1].lineno}" if frames else kind
