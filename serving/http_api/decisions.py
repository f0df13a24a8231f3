"""Answers decision requests on raw ASGI: this is the road that every request takes, so nothing else is on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import orjson

from serving.decision.engine import RecordedDecision
from serving.decision.errors import BadRequest
from serving.decision.selection.arm_scoring import EveryArmDenied
from serving.decision.types import Request
from serving.http_api.asgi import (
    ClientGoneError,
    Receive,
    Scope,
    Send,
    answer_json,
    answer_problem,
    read_json_body,
)
from serving.http_api.auth_middleware import charge_batch
from serving.schemas.json_codec import parse_json, read_batch, read_request, write_batch, write_decision
from serving.schemas.limits import RequestLimits
from serving.schemas.problems import DENIED, INVALID, Problem, Rejected
from serving.service.decision_service import DecisionService, Headers

Took = Callable[[int, int, int], None]

_ITEMS_PER_TURN: Final = 8
"""Items of a batch that are decided before waiting requests get their turn: about a millisecond."""


class DecisionRoutes:
    """The two decision routes as ASGI applications.

    Parameters
    ----------
    guard
        Decides.
    limits
        Enforced on every call.
    took
        Told the nanoseconds of each decision: to read its body, to decide, to send.
    clock_ns
        Monotonic nanoseconds.
    """

    def __init__(
        self,
        guard: DecisionService,
        limits: RequestLimits,
        took: Took | None = None,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._guard = guard
        self._limits = limits
        self._took = took
        self._clock_ns = clock_ns

    async def decide(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/decisions`."""
        started = self._clock_ns()
        try:
            raw = await read_body(scope, receive, self._limits)
            read = self._clock_ns()
            request = read_request(raw, self._limits.max_messages)
            made = self._answer(request, scope["headers"])
        except Rejected as rejected:
            await answer_problem(rejected.problem, receive, send)
        except ClientGoneError:
            return
        else:
            decided = self._clock_ns()
            try:
                await answer_json(send, write_decision(made.decision))
            finally:  # whoever wants to know of a decision hears of it when the caller has it
                self._guard.tell(request, made, scope["headers"])
            if self._took is not None:
                self._took(read - started, decided - read, self._clock_ns() - decided)

    async def decide_batch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/decisions/batch`: a bad item gets a problem in its place and spoils no other."""
        try:
            raw = await read_body(scope, receive, self._limits)
            items = read_batch(raw, self._limits.max_batch)
            charge_batch(scope, len(items) - 1)
        except Rejected as rejected:
            await answer_problem(rejected.problem, receive, send)
            return
        except ClientGoneError:
            return
        results: list[bytes] = []
        for place, item in enumerate(items):
            if place and place % _ITEMS_PER_TURN == 0:
                await asyncio.sleep(0)
            results.append(self._decide_item(item, scope["headers"]))
        await answer_json(send, write_batch(results))

    def _answer(self, request: Request, headers: Headers) -> RecordedDecision:
        try:
            return self._guard.answer(request, headers)
        except BadRequest as error:
            raise Rejected(Problem(INVALID, str(error))) from None
        except EveryArmDenied as error:
            raise Rejected(Problem(DENIED, str(error))) from None

    def _decide_item(self, item: object, headers: Headers) -> bytes:
        try:
            request = read_request(item, self._limits.max_messages)
            made = self._guard.tell(request, self._answer(request, headers), headers)
            return b'{"decision":' + write_decision(made.decision) + b"}"
        except Rejected as rejected:
            return orjson.dumps({"problem": rejected.problem.members()})


async def read_body(scope: Scope, receive: Receive, limits: RequestLimits) -> Any:
    """Read a call's JSON body, for any raw route.

    Raises
    ------
    Rejected
        With the problem to answer.
    ClientGoneError
        There is nobody to answer.
    """
    return parse_json(await read_json_body(scope, receive, limits.body))
