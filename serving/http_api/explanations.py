"""Answers `GET /v1/decisions/{decision_id}`: a decision from the journal, with the sum behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import orjson
from pydantic import RootModel
from sqlalchemy.exc import SQLAlchemyError

from serving.decision.ids import timestamp_of
from serving.http_api.asgi import Receive, Scope, Send, answer_json, answer_problem
from serving.http_api.docs.explanation_example import EXPLANATION
from serving.http_api.docs.openapi import responses
from serving.http_api.route import Route, RouteText
from serving.journal import JournalEntry, Store
from serving.schemas.problems import (
    FORBIDDEN,
    NO_JOURNAL,
    NO_KEY,
    NOT_DURABLE,
    NOT_FOUND,
    RATE_LIMITED,
    Problem,
    Rejected,
)
from serving.service.explanation import Explanation, explain_entry
from serving.service.policy_snapshots import PolicySnapshots

_FRESH_SECONDS: Final = 5.0
"""A decision as young as this may still be on its way into the journal."""
_LOOKS: Final = 6
_PAUSE_SECONDS: Final = 0.15


class ExplanationAnswer(RootModel[Explanation]):
    """A decision, the sum behind it per arm, and its outcome."""


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
    """Looks decisions up and explains them.

    Parameters
    ----------
    store, terms
        None where the server keeps no journal.
    clock
        Epoch seconds.
    """

    def __init__(
        self, store: Store | None, terms: PolicySnapshots | None, clock: Callable[[], float] = time.time
    ) -> None:
        self._store, self._terms, self._clock = store, terms, clock

    @property
    def route(self) -> Route:
        """Give the route."""
        return Route("GET", "/v1/decisions/{decision_id}", self.explain, EXPLAIN)

    async def explain(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        try:
            answer = await self._explain(str(scope["path_params"]["decision_id"]))
        except Rejected as rejected:
            await answer_problem(rejected.problem, receive, send)
        except SQLAlchemyError:
            detail = "the journal can't be read at present: ask again"
            await answer_problem(Problem(NOT_DURABLE, detail, headers=((b"retry-after", b"1"),)), receive, send)
        else:
            await answer_json(send, orjson.dumps(answer))

    async def _explain(self, decision_id: str) -> Explanation:
        if self._store is None or self._terms is None:
            detail = "this server keeps no journal: start it with --journal sqlite:///journal.db"
            raise Rejected(Problem(NO_JOURNAL, detail))
        entry = await self._entry(self._store, decision_id)
        bound = await asyncio.to_thread(self._terms.find, entry.decision.policy)
        return explain_entry(entry, bound)

    async def _entry(self, store: Store, decision_id: str) -> JournalEntry:
        fresh = self._fresh(decision_id)
        for look in range(_LOOKS if fresh else 1):
            if look:
                await asyncio.sleep(_PAUSE_SECONDS)
            try:
                entry = await asyncio.to_thread(store.entry, decision_id)
            except SQLAlchemyError:
                if look + 1 < _LOOKS and fresh:  # the very first decision: its tables are being made
                    continue
                raise
            if entry is not None:
                return entry
        raise Rejected(
            Problem(NOT_FOUND, "the journal holds no such decision: it may be forgotten, or another server's")
        )

    def _fresh(self, decision_id: str) -> bool:
        try:
            return abs(self._clock() - timestamp_of(decision_id)) < _FRESH_SECONDS
        except ValueError:
            return False
