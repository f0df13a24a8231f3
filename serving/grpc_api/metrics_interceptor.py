"""gRPC interceptor that counts and times unary calls; decisions inside a stream are counted by the decision metrics."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from serving.telemetry import STAGE_BOUNDS, MetricRegistry


class MetricsInterceptor(grpc.aio.ServerInterceptor):
    """Counts and times unary calls by service, method and status code.

    Comes before the auth interceptor, so that refused calls are counted too.

    Parameters
    ----------
    registry
        Holds the two series.
    clock
        Monotonic seconds.
    """

    def __init__(self, registry: MetricRegistry, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._calls = registry.counter("thinkgate_grpc_requests", "Unary gRPC calls answered.", ("method", "code"))
        self._seconds = registry.histogram(
            "thinkgate_grpc_request_seconds", "Time of unary gRPC calls.", ("method",), STAGE_BOUNDS
        )

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wrap the handler; a method that is not served gets no label."""
        handler = await continuation(handler_call_details)
        if handler is None or not handler.unary_unary:
            return handler
        method = handler_call_details.method.rpartition(".")[2]
        row = self._seconds.row((method,))

        async def call(request: Any, context: Any) -> Any:
            started = self._clock()
            try:
                return await handler.unary_unary(request, context)
            finally:
                self._calls.add((method, _code(context)))
                self._seconds.record(row, self._clock() - started)

        return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, handler.response_serializer)


def _code(context: Any) -> str:
    """Name the status of a call; none is set where it succeeded."""
    code = context.code()
    if isinstance(code, int):
        code = next((known for known in grpc.StatusCode if known.value[0] == code), None)
    return "OK" if code is None else str(code.name)
