"""The HTTP route that explains a decision: `GET /v1/decisions/{decision_id}`, read from the journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import orjson
from pydantic import RootModel
from sqlalchemy.exc import SQLAlchemyError

from serving.decision import timestamp_of
from serving.http_api.asgi import Receive, Scope, Send, answer_errors, answer_json
from serving.http_api.docs import EXPLANATION, responses
from serving.http_api.route import Route, RouteText
from serving.journal import JournalEntry, JournalUnavailable, Store
from serving.schemas import FORBIDDEN, NO_JOURNAL, NO_KEY, NOT_DURABLE, NOT_FOUND, RATE_LIMITED, Problem, Rejected
from serving.service import Explanation, NoJournal, PolicySnapshots, explain_entry

_FRESH_SECONDS: Final = 5.0
"""A decision as young as this may not be in the journal yet: it is looked up again."""
_ATTEMPTS: Final = 6
_PAUSE_SECONDS: Final = 0.15


class ExplanationAnswer(RootModel[Explanation]):
    """A decision, the utility of each arm with its terms, and its outcome."""


EXPLAIN: Final = RouteText(
    summary="Why was it decided so?",
    description=(
        "Reads a decision from the journal, makes it again from its record, and lays the sum open: value x success -"
        " cost factor x cost - latency price x latency - switching, per arm, with the interval of net benefit, the"
        " share of prior knowledge, budget pressure, session and health of the arms, and the outcome so far."
        " It holds words of the prompt only where the server stores them (`--store-prompts`)."
    ),
    responses=responses(
        ExplanationAnswer, EXPLANATION, (NO_KEY, FORBIDDEN, NOT_FOUND, NO_JOURNAL, RATE_LIMITED, NOT_DURABLE)
    ),
    extra={
        "parameters": [
            {"name": "decision_id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}}
        ]
    },
    tag="decisions",
    writes=(ExplanationAnswer,),
)


class ExplanationRoutes:
    """Looks decisions up in the journal and explains them.

    Parameters
    ----------
    store, snapshots
        None where the server keeps no journal.
    clock
        Epoch seconds.
    """

    def __init__(
        self, store: Store | None, snapshots: PolicySnapshots | None, clock: Callable[[], float] = time.time
    ) -> None:
        self._store, self._snapshots, self._clock = store, snapshots, clock

    @property
    def route(self) -> Route:
        """Give the route."""
        return Route("GET", "/v1/decisions/{decision_id}", answer_errors(self.explain), EXPLAIN)

    async def explain(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer `GET /v1/decisions/{decision_id}`."""
        try:
            explanation = await self._explain(str(scope["path_params"]["decision_id"]))
        except SQLAlchemyError:
            raise JournalUnavailable("the journal can't be read at present: ask again") from None
        await answer_json(send, orjson.dumps(explanation))

    async def _explain(self, decision_id: str) -> Explanation:
        if self._store is None or self._snapshots is None:
            raise NoJournal("this server keeps no journal: start it with --journal sqlite:///journal.db")
        entry = await self._find_entry(self._store, decision_id)
        policy = await asyncio.to_thread(self._snapshots.find, entry.decision.policy)
        return explain_entry(entry, policy)

    async def _find_entry(self, store: Store, decision_id: str) -> JournalEntry:
        fresh = self._is_fresh(decision_id)
        for attempt in range(_ATTEMPTS if fresh else 1):
            if attempt:
                await asyncio.sleep(_PAUSE_SECONDS)
            try:
                entry = await asyncio.to_thread(store.entry, decision_id)
            except SQLAlchemyError:
                if attempt + 1 < _ATTEMPTS and fresh:  # the very first decision: its tables are being created
                    continue
                raise
            if entry is not None:
                return entry
        raise Rejected(
            Problem(NOT_FOUND, "the journal holds no such decision: it may be forgotten, or another server's")
        )

    def _is_fresh(self, decision_id: str) -> bool:
        try:
            return abs(self._clock() - timestamp_of(decision_id)) < _FRESH_SECONDS
        except ValueError:
            return False
