"""The HTTP routes of the journal: report outcomes, and delete the rows of a tenant or a session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

import orjson

from serving.http_api.asgi import Receive, Scope, Send, answer_errors, answer_json
from serving.http_api.auth_middleware import charge_batch
from serving.http_api.decisions import read_body
from serving.http_api.docs import BODY_REFUSALS, OUTCOME_REPORTS, model_reference, request_body, responses
from serving.http_api.route import Route, RouteText
from serving.journal import Journal
from serving.schemas import (
    FORBIDDEN,
    INVALID,
    MAX_NAME,
    NO_JOURNAL,
    NO_KEY,
    NOT_DURABLE,
    RATE_LIMITED,
    BodyFault,
    ForgottenAnswer,
    OutcomeReport,
    OutcomesAnswer,
    Rejected,
    RequestLimits,
    invalid_request,
    read_outcomes,
)
from serving.service import NoJournal, OutcomeService

_NAME_ONE: Final = "name what to forget: ?tenant=NAME or ?session_id=NAME"

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
    """The two journal routes as ASGI applications.

    Parameters
    ----------
    outcome_service
        Takes outcomes and makes them durable.
    journal
        Deletes rows; None where the server keeps none.
    limits
        Enforced on every report.
    clock
        Epoch seconds, for outcomes that state no time.
    """

    def __init__(
        self,
        outcome_service: OutcomeService,
        journal: Journal | None,
        limits: RequestLimits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outcome_service, self._journal, self._limits, self._clock = outcome_service, journal, limits, clock

    @property
    def routes(self) -> tuple[Route, ...]:
        """Give both routes."""
        return (
            Route("POST", "/v1/outcomes", answer_errors(self.report), REPORT),
            Route("DELETE", "/v1/journal", answer_errors(self.forget), FORGET),
        )

    async def report(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/outcomes`."""
        rows = read_outcomes(await read_body(scope, receive, self._limits), self._limits.max_outcomes, self._clock)
        charge_batch(scope, len(rows) - 1)
        accepted = await self._outcome_service.report(rows)
        await answer_json(send, orjson.dumps({"accepted": accepted}))

    async def forget(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer `DELETE /v1/journal`."""
        tenant, session_id = _read_query(scope["query_string"])
        if self._journal is None:
            raise NoJournal("this server keeps no journal: there is nothing to forget")
        count = await asyncio.wrap_future(self._journal.forget(tenant=tenant, session_id=session_id))
        await answer_json(send, orjson.dumps({"decisions": count}))


def _read_query(query: bytes) -> tuple[str | None, str | None]:
    """Read tenant and session; exactly one of them, so that nobody deletes more than was meant."""
    try:
        fields = parse_qs(query.decode("latin-1"), keep_blank_values=True, max_num_fields=8, errors="replace")
    except ValueError:
        fields = {}
    if len(fields) == 1:
        ((name, values),) = fields.items()
        if name in ("tenant", "session_id") and len(values) == 1 and 0 < len(values[0]) <= MAX_NAME:
            return (values[0], None) if name == "tenant" else (None, values[0])
    raise Rejected(invalid_request((BodyFault("#", _NAME_ONE),)))
