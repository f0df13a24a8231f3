"""The gRPC API: the same decisions and problems as over HTTP, within the deadline that the caller gave."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import Message

from serving.decision.errors import BadRequest
from serving.decision.selection.arm_scoring import EveryArmDenied
from serving.grpc_api.codec import decision_to_proto, message_reader, problem_to_proto, request_from_proto
from serving.proto.thinkgate.v1 import decision_pb2 as pb
from serving.schemas.json_codec import invalid_request
from serving.schemas.limits import RequestLimits
from serving.schemas.problems import (
    DENIED,
    INVALID,
    NO_JOURNAL,
    NOT_DURABLE,
    TOO_LARGE,
    UNEXPECTED,
    BodyFault,
    Problem,
    ProblemKind,
    Rejected,
)
from serving.service.decision_service import DecisionService

logger = logging.getLogger("thinkgate.grpc")

DECISIONS: Final = "thinkgate.v1.DecisionService"
PROBLEM_TRAILER: Final = "thinkgate-problem-bin"

Context = grpc.aio.ServicerContext[Any, Any]
Asked = TypeVar("Asked", bound=Message)

_CODES: Final[dict[ProblemKind, grpc.StatusCode]] = {
    DENIED: grpc.StatusCode.PERMISSION_DENIED,
    NO_JOURNAL: grpc.StatusCode.FAILED_PRECONDITION,
    NOT_DURABLE: grpc.StatusCode.UNAVAILABLE,
    TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UNEXPECTED: grpc.StatusCode.INTERNAL,
}
_FAULT: Final = Problem(UNEXPECTED, "this is a fault of the server, not of the request; its log says where")
_ITEMS_PER_TURN: Final = 8
_ANSWER_SECONDS: Final = 0.002
"""Kept back from the caller's deadline to write and send an answer."""
_FORGET: Final = 0.995
"""What is left, one decision later, of the memory of a slow one."""


class DecisionServicer:
    """What `DecisionService` does.

    Parameters
    ----------
    guard
        Decides.
    limits
        Enforced on every call.
    clock
        Monotonic seconds.
    """

    def __init__(
        self, guard: DecisionService, limits: RequestLimits, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._guard = guard
        self._limits = limits
        self._clock = clock
        self._slowest_seconds = 0.0

    def handler(self) -> grpc.GenericRpcHandler:
        """Give what a server registers."""
        methods = {
            "Decide": unary_handler(pb.DecideRequest, self.decide),
            "DecideBatch": unary_handler(pb.DecideBatchRequest, self.decide_batch),
        }
        return grpc.method_handlers_generic_handler(DECISIONS, methods)

    async def decide(self, message: pb.DecideRequest, context: Context) -> pb.DecideResponse:
        """Answer `Decide`."""
        return self._decide(message, context)

    async def decide_batch(self, message: pb.DecideBatchRequest, context: Context) -> pb.DecideBatchResponse:
        """Answer `DecideBatch`."""
        _require_size(len(message.requests), self._limits.max_batch)
        answer = pb.DecideBatchResponse()
        for place, item in enumerate(message.requests):
            if place and place % _ITEMS_PER_TURN == 0:
                await asyncio.sleep(0)
            result = answer.results.add()
            try:
                result.decision.CopyFrom(self._decide(item, context))
            except Rejected as rejected:
                result.problem.CopyFrom(problem_to_proto(rejected.problem))
        return answer

    def _decide(self, message: pb.DecideRequest, context: Context) -> pb.DecideResponse:
        request = request_from_proto(message, self._limits.max_messages)
        headers = [(name.lower().encode(), value.encode()) for name, value in message.headers.items()]
        if self._guard.traced:
            headers += [(name.encode(), value) for name, value in _texts(context.invocation_metadata())]
        remaining = context.time_remaining()
        started = self._clock()
        try:
            if remaining is not None and remaining < _ANSWER_SECONDS + 1.5 * self._slowest_seconds:
                return decision_to_proto(self._guard.fall_back(request, "the caller's deadline left no time", headers))
            made = self._guard.answer(request, headers)
            # Told in the loop's next turn: by then the answer is on its way.
            asyncio.get_running_loop().call_soon(self._guard.tell, request, made, headers)
            return decision_to_proto(made.decision)
        except BadRequest as error:
            raise Rejected(Problem(INVALID, str(error))) from None
        except EveryArmDenied as error:
            raise Rejected(Problem(DENIED, str(error))) from None
        finally:
            self._slowest_seconds = max(self._clock() - started, self._slowest_seconds * _FORGET)


def unary_handler(
    kind: type[Asked], act: Callable[[Asked, Context], Awaitable[Message]]
) -> grpc.RpcMethodHandler[Any, Any]:
    """Give the handler of one unary method.

    Parameters
    ----------
    kind
        Message that it takes; bytes that are none get a problem.
    act
        Its `Rejected` becomes a status with the problem; any other error INTERNAL without a word of the request.
    """

    async def call(message: Asked | Problem, context: Context) -> Message:
        problem = message if isinstance(message, Problem) else None
        try:
            if not isinstance(message, Problem):
                return await act(message, context)
        except Rejected as rejected:
            problem = rejected.problem
        except Exception as error:
            log_place(error)
        problem = problem or _FAULT
        trailer = (PROBLEM_TRAILER, problem_to_proto(problem).SerializeToString())
        code = _CODES.get(problem.kind, grpc.StatusCode.INVALID_ARGUMENT)
        await context.abort(code, problem.detail, (trailer,))
        raise AssertionError  # abort has raised

    return grpc.unary_unary_rpc_method_handler(call, message_reader(kind), _write)


def _write(answer: Message) -> bytes:
    return answer.SerializeToString()


def _texts(metadata: Any) -> Iterator[tuple[str, bytes]]:
    return ((name, value.encode()) for name, value in metadata or () if isinstance(value, str))


def log_place(error: Exception) -> None:
    """Log where it broke, never the message: it may quote the prompt."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    logger.error("a call failed: %s in %s, line %s", type(error).__name__, place.name, place.lineno)


def _require_size(items: int, most: int) -> None:
    if not items:
        raise Rejected(invalid_request((BodyFault("#/requests", "list should have at least 1 item"),)))
    if items > most:
        raise Rejected(
            invalid_request((BodyFault("#/requests", f"{items} requests; send {most} at most in one batch"),))
        )
