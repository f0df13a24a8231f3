"""The HTTP routes of the journal: outcomes come in, tenants and sessions are forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

import orjson

from serving.http_api.asgi import ClientGoneError, Receive, Scope, Send, answer_json, answer_problem
from serving.http_api.auth_middleware import charge_batch
from serving.http_api.decisions import read_body
from serving.http_api.docs.examples import OUTCOME_REPORTS
from serving.http_api.docs.openapi import BODY_REFUSALS, model_reference, request_body, responses
from serving.http_api.route import Route, RouteText
from serving.journal import Journal, JournalUnavailable
from serving.schemas.json_codec import invalid_request
from serving.schemas.limits import RequestLimits
from serving.schemas.models import MAX_NAME
from serving.schemas.outcome_codec import ForgottenAnswer, OutcomeReport, OutcomesAnswer, read_outcomes
from serving.schemas.problems import (
    FORBIDDEN,
    INVALID,
    NO_JOURNAL,
    NO_KEY,
    NOT_DURABLE,
    RATE_LIMITED,
    BodyFault,
    Problem,
    Rejected,
)
from serving.service.outcome_service import NoJournal, OutcomeService

_RETRY_AFTER: Final = ((b"retry-after", b"1"),)
_QUESTION: Final = "name what to forget: ?tenant=NAME or ?session_id=NAME"

REPORT: Final = RouteText(
    summary="What became of a decided call?",
    description=(
        "Takes one outcome or a list of them, all or nothing. The answer comes once they are durable. The same report"
        " twice counts once; one may come before its decision is known, late, or again to correct fields."
    ),
    responses=responses(OutcomesAnswer, {"accepted": 1}, (*BODY_REFUSALS, FORBIDDEN, NO_JOURNAL, NOT_DURABLE)),
    extra=request_body(
        {
            "anyOf": [
                model_reference(OutcomeReport),
                {"type": "array", "items": model_reference(OutcomeReport), "minItems": 1},
            ]
        },
        OUTCOME_REPORTS,
    ),
    tag="outcomes",
    reads=(OutcomeReport,),
    writes=(OutcomesAnswer,),
)
FORGET: Final = RouteText(
    summary="Forget a tenant or a session",
    description=(
        "Deletes its decisions and their outcomes. Other workers may hold its newest decisions for a moment longer, or"
        " on their disk while the database is down: ask again afterwards to be sure."
    ),
    responses=responses(
        ForgottenAnswer, {"decisions": 12}, (NO_KEY, FORBIDDEN, INVALID, RATE_LIMITED, NO_JOURNAL, NOT_DURABLE)
    ),
    extra={
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": {"type": "string", "maxLength": MAX_NAME}}
            for name in ("tenant", "session_id")
        ]
    },
    tag="outcomes",
    writes=(ForgottenAnswer,),
)


class OutcomeRoutes:
    """Translates between HTTP, the outcome desk and the journal.

    Parameters
    ----------
    desk
        Takes outcomes.
    journal
        Forgets; None where the server keeps none.
    clock
        Epoch seconds, for outcomes that state no time.
    """

    def __init__(
        self,
        desk: OutcomeService,
        journal: Journal | None,
        limits: RequestLimits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._desk, self._journal, self._limits, self._clock = desk, journal, limits, clock

    @property
    def routes(self) -> tuple[Route, ...]:
        """Give both routes."""
        return (
            Route("POST", "/v1/outcomes", self.report, REPORT),
            Route("DELETE", "/v1/journal", self.forget, FORGET),
        )

    async def report(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/outcomes`."""
        try:
            rows = read_outcomes(await read_body(scope, receive, self._limits), self._limits.max_outcomes, self._clock)
            charge_batch(scope, len(rows) - 1)
            accepted = await self._desk.report(rows)
        except Rejected as rejected:
            await answer_problem(rejected.problem, receive, send)
        except NoJournal as error:
            await answer_problem(Problem(NO_JOURNAL, str(error)), receive, send)
        except JournalUnavailable as error:
            await answer_problem(Problem(NOT_DURABLE, str(error), headers=_RETRY_AFTER), receive, send)
        except ClientGoneError:
            return
        else:
            await answer_json(send, orjson.dumps({"accepted": accepted}))

    async def forget(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `DELETE /v1/journal`."""
        try:
            tenant, session_id = _question(scope["query_string"])
            if self._journal is None:
                raise NoJournal("this server keeps no journal: there is nothing to forget")
            count = await asyncio.wrap_future(self._journal.forget(tenant=tenant, session_id=session_id))
        except Rejected as rejected:
            await answer_problem(rejected.problem, receive, send)
        except NoJournal as error:
            await answer_problem(Problem(NO_JOURNAL, str(error)), receive, send)
        except JournalUnavailable as error:
            await answer_problem(Problem(NOT_DURABLE, str(error), headers=_RETRY_AFTER), receive, send)
        else:
            await answer_json(send, orjson.dumps({"decisions": count}))


def _question(query: bytes) -> tuple[str | None, str | None]:
    """Read tenant and session; exactly one of them, so that nobody deletes more than was meant."""
    try:
        told = parse_qs(query.decode("latin-1"), keep_blank_values=True, max_num_fields=8, errors="replace")
    except ValueError:
        told = {}
    strange = [name for name in told if name not in ("tenant", "session_id")]
    values = {name: value for name, value in told.items() if name not in strange}
    if strange or len(values) != 1:
        raise Rejected(invalid_request((BodyFault("#", _QUESTION),)))
    ((name, found),) = values.items()
    if len(found) != 1 or not 0 < len(found[0]) <= MAX_NAME:
        raise Rejected(invalid_request((BodyFault("#", _QUESTION),)))
    return (found[0], None) if name == "tenant" else (None, found[0])
