"""The HTTP routes for decisions, one and in batches, on raw ASGI: every request takes this path, so it is short."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import orjson

from serving.http_api.asgi import (
    ClientGoneError,
    Receive,
    Scope,
    Send,
    answer_errors,
    answer_json,
    answer_problem,
    read_json_body,
)
from serving.http_api.auth_middleware import charge_batch
from serving.http_api.docs import (
    BATCH_REQUESTS,
    DECISION,
    DECISION_REQUESTS,
    PROBLEM,
    model_reference,
    request_body,
    responses,
)
from serving.http_api.route import Route, RouteText
from serving.schemas import (
    BatchAnswer,
    BatchRequest,
    DecisionAnswer,
    DecisionRequest,
    Headers,
    RequestLimits,
    parse_json,
    read_batch,
    read_request,
    write_batch,
    write_decision,
)
from serving.service import CALL_ERRORS, DecisionService, problem_of

StageTimer = Callable[[int, int, int], None]
"""Records the nanoseconds that one decision took: to read its body, to decide, to send the answer."""

_ITEMS_PER_TURN: Final = 8
"""Items of a batch that are decided before waiting requests get their turn: about a millisecond."""

DECIDE: Final = RouteText(
    summary="Does reasoning pay for this request?",
    description="Takes `messages` or `prompt`, and whatever is known beside it. Unknown fields are refused.",
    responses=responses(DecisionAnswer, DECISION),
    extra=request_body(model_reference(DecisionRequest), DECISION_REQUESTS),
    reads=(DecisionRequest,),
    writes=(DecisionAnswer,),
)
DECIDE_BATCH: Final = RouteText(
    summary="The same for several requests",
    description=(
        "Each request is answered on its own, in its place: with a decision, or with a problem that spoils no other."
        " Only a batch that can't be read as a whole is refused as a whole."
    ),
    responses=responses(BatchAnswer, {"results": [{"decision": DECISION}, {"problem": PROBLEM}]}),
    extra=request_body(model_reference(BatchRequest), BATCH_REQUESTS),
    reads=(BatchRequest, DecisionRequest),
    writes=(BatchAnswer,),
)


class DecisionRoutes:
    """The two decision routes as ASGI applications.

    Parameters
    ----------
    decision_service
        Makes the decisions.
    limits
        Enforced on every call.
    stage_timer
        Called after each single decision.
    clock_ns
        Monotonic nanoseconds.
    """

    def __init__(
        self,
        decision_service: DecisionService,
        limits: RequestLimits,
        stage_timer: StageTimer | None = None,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._decision_service = decision_service
        self._limits = limits
        self._stage_timer = stage_timer
        self._clock_ns = clock_ns

    @property
    def routes(self) -> tuple[Route, ...]:
        """Give both routes."""
        return (
            Route("POST", "/v1/decisions", self.decide, DECIDE),
            Route("POST", "/v1/decisions/batch", answer_errors(self.decide_batch), DECIDE_BATCH),
        )

    async def decide(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/decisions`."""
        started = self._clock_ns()
        # The errors are answered here and not by `answer_errors`: one coroutine less for every decision.
        try:
            raw = await read_body(scope, receive, self._limits)
            read = self._clock_ns()
            request = read_request(raw, self._limits.max_messages)
            decided = self._decision_service.answer(request, scope["headers"])
        except CALL_ERRORS as error:
            await answer_problem(problem_of(error), receive, send)
        except ClientGoneError:
            return
        else:
            answered = self._clock_ns()
            try:
                await answer_json(send, write_decision(decided.decision))
            finally:  # sinks are notified once the caller has the answer
                self._decision_service.notify(request, decided, scope["headers"])
            if self._stage_timer is not None:
                self._stage_timer(read - started, answered - read, self._clock_ns() - answered)

    async def decide_batch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/decisions/batch`: a bad item gets a problem in its place and spoils no other."""
        raw = await read_body(scope, receive, self._limits)
        items = read_batch(raw, self._limits.max_batch)
        charge_batch(scope, len(items) - 1)
        results: list[bytes] = []
        for place, item in enumerate(items):
            if place and place % _ITEMS_PER_TURN == 0:
                await asyncio.sleep(0)
            results.append(self._decide_item(item, scope["headers"]))
        await answer_json(send, write_batch(results))

    def _decide_item(self, item: object, headers: Headers) -> bytes:
        try:
            request = read_request(item, self._limits.max_messages)
            decision = self._decision_service.decide(request, headers)
            return b'{"decision":' + write_decision(decision) + b"}"
        except CALL_ERRORS as error:
            return orjson.dumps({"problem": problem_of(error).members()})


async def read_body(scope: Scope, receive: Receive, limits: RequestLimits) -> Any:
    """Read and parse a call's JSON body, for any raw route.

    Raises
    ------
    Rejected
        The body can't be read.
    ClientGoneError
        The client disconnected.
    """
    return parse_json(await read_json_body(scope, receive, limits.body))
