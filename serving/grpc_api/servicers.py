"""The gRPC services for decisions and outcomes: the same answers and problems as over HTTP.

Decisions are made within the deadline that the caller gave.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import Message

from serving.grpc_api.codec import decision_to_proto, message_reader, problem_to_proto, request_from_proto
from serving.proto.thinkgate.v1 import decision_pb2, outcome_pb2
from serving.schemas import (
    DENIED,
    NO_JOURNAL,
    NOT_DURABLE,
    TOO_LARGE,
    UNEXPECTED,
    BodyFault,
    Problem,
    ProblemKind,
    Rejected,
    RequestLimits,
    invalid_request,
    read_outcomes,
)
from serving.service import CALL_ERRORS, SERVER_FAULT, DecisionService, OutcomeService, error_location, problem_of

logger = logging.getLogger("thinkgate.grpc")

DECISIONS: Final = "thinkgate.v1.DecisionService"
OUTCOMES: Final = "thinkgate.v1.OutcomeService"
PROBLEM_TRAILER: Final = "thinkgate-problem-bin"

Context = grpc.aio.ServicerContext[Any, Any]
RequestMessage = TypeVar("RequestMessage", bound=Message)

_STATUS_CODES: Final[dict[ProblemKind, grpc.StatusCode]] = {
    DENIED: grpc.StatusCode.PERMISSION_DENIED,
    NO_JOURNAL: grpc.StatusCode.FAILED_PRECONDITION,
    NOT_DURABLE: grpc.StatusCode.UNAVAILABLE,
    TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UNEXPECTED: grpc.StatusCode.INTERNAL,
}
_FRAME_BYTES: Final = 1024
"""Room in a message beside a body of the largest size."""
_ITEMS_PER_TURN: Final = 8
"""Items of a batch that are decided before waiting calls get their turn."""
_ANSWER_SECONDS: Final = 0.002
"""Kept back from the caller's deadline to write and send an answer."""
_SLOWEST_DECAY: Final = 0.995
"""Factor per decision by which the slowest decision time decays."""


class DecisionServicer:
    """The gRPC service `DecisionService`.

    Parameters
    ----------
    decision_service
        Makes the decisions.
    limits
        Enforced on every call.
    clock
        Monotonic seconds.
    """

    def __init__(
        self, decision_service: DecisionService, limits: RequestLimits, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._decision_service = decision_service
        self._limits = limits
        self._clock = clock
        self._slowest_seconds = 0.0

    def handler(self) -> grpc.GenericRpcHandler:
        """Give the handler that a server registers."""
        methods = {
            "Decide": unary_handler(decision_pb2.DecideRequest, self.decide, self._limits),
            "DecideBatch": unary_handler(decision_pb2.DecideBatchRequest, self.decide_batch, self._limits),
        }
        return grpc.method_handlers_generic_handler(DECISIONS, methods)

    async def decide(self, message: decision_pb2.DecideRequest, context: Context) -> decision_pb2.DecideResponse:
        """Answer `Decide`."""
        return self._decide(message, context)

    async def decide_batch(
        self, message: decision_pb2.DecideBatchRequest, context: Context
    ) -> decision_pb2.DecideBatchResponse:
        """Answer `DecideBatch`: a bad item gets a problem in its place."""
        _require_size(len(message.requests), self._limits.max_batch)
        answer = decision_pb2.DecideBatchResponse()
        for place, item in enumerate(message.requests):
            if place and place % _ITEMS_PER_TURN == 0:
                await asyncio.sleep(0)
            result = answer.results.add()
            try:
                result.decision.CopyFrom(self._decide(item, context))
            except CALL_ERRORS as error:
                result.problem.CopyFrom(problem_to_proto(problem_of(error)))
        return answer

    def _decide(self, message: decision_pb2.DecideRequest, context: Context) -> decision_pb2.DecideResponse:
        service = self._decision_service
        request = request_from_proto(message, self._limits.max_messages)
        headers = [(name.lower().encode(), value.encode()) for name, value in message.headers.items()]
        if service.traced:
            headers += [(name.encode(), value) for name, value in _text_metadata(context.invocation_metadata())]
        remaining = context.time_remaining()
        started = self._clock()
        try:
            if remaining is not None and remaining < _ANSWER_SECONDS + 1.5 * self._slowest_seconds:
                return decision_to_proto(service.fall_back(request, "the caller's deadline left no time", headers))
            decided = service.answer(request, headers)
            # Sinks are notified in the loop's next turn: by then the answer is on its way.
            asyncio.get_running_loop().call_soon(service.notify, request, decided, headers)
            return decision_to_proto(decided.decision)
        finally:
            self._slowest_seconds = max(self._clock() - started, self._slowest_seconds * _SLOWEST_DECAY)


class OutcomeServicer:
    """The gRPC service `OutcomeService`.

    Parameters
    ----------
    outcome_service
        Takes outcomes and makes them durable.
    limits
        Enforced on every call.
    clock
        Epoch seconds, for outcomes that state no time.
    """

    def __init__(self, outcome_service: OutcomeService, limits: RequestLimits, clock: Callable[[], float]) -> None:
        self._outcome_service, self._limits, self._clock = outcome_service, limits, clock

    def handler(self) -> grpc.GenericRpcHandler:
        """Give the handler that a server registers."""
        methods = {"Report": unary_handler(outcome_pb2.ReportRequest, self.report, self._limits)}
        return grpc.method_handlers_generic_handler(OUTCOMES, methods)

    async def report(self, message: outcome_pb2.ReportRequest, _context: Context) -> outcome_pb2.ReportResponse:
        """Answer `Report`: all of it or nothing, once it is durable."""
        raw = [{field.name: value for field, value in outcome.ListFields()} for outcome in message.outcomes]
        rows = read_outcomes(raw, self._limits.max_outcomes, self._clock)
        return outcome_pb2.ReportResponse(accepted=await self._outcome_service.report(rows))


def unary_handler(
    kind: type[RequestMessage],
    act: Callable[[RequestMessage, Context], Awaitable[Message]],
    limits: RequestLimits | None = None,
) -> grpc.RpcMethodHandler[Any, Any]:
    """Give the handler of one unary method.

    Parameters
    ----------
    kind
        Message type of the request; bytes that can't be parsed get a problem.
    act
        Answers. `CALL_ERRORS` become a status with the problem as trailer, other errors INTERNAL without the message.
    limits
        Larger messages get a problem.
    """
    max_bytes = None if limits is None else limits.body.max_bytes + _FRAME_BYTES

    async def call(message: RequestMessage | Problem, context: Context) -> Message:
        problem = message if isinstance(message, Problem) else SERVER_FAULT
        try:
            if not isinstance(message, Problem):
                return await act(message, context)
        except CALL_ERRORS as error:
            problem = problem_of(error)
        except Exception as error:
            logger.error("a call failed: %s", error_location(error))
        trailer = (PROBLEM_TRAILER, problem_to_proto(problem).SerializeToString())
        code = _STATUS_CODES.get(problem.kind, grpc.StatusCode.INVALID_ARGUMENT)
        await context.abort(code, problem.detail, (trailer,))
        raise AssertionError  # abort has raised

    return grpc.unary_unary_rpc_method_handler(call, message_reader(kind, max_bytes), _serialize)


def _serialize(answer: Message) -> bytes:
    return answer.SerializeToString()


def _text_metadata(metadata: Any) -> Iterator[tuple[str, bytes]]:
    return ((name, value.encode()) for name, value in metadata or () if isinstance(value, str))


def _require_size(items: int, most: int) -> None:
    if not items:
        raise Rejected(invalid_request((BodyFault("#/requests", "list should have at least 1 item"),)))
    if items > most:
        raise Rejected(
            invalid_request((BodyFault("#/requests", f"{items} requests; send {most} at most in one batch"),))
        )
