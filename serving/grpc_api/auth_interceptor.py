"""gRPC interceptor that checks API key, scope and rate: the same rules as over HTTP, the key sent as metadata."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
import grpc.aio

from serving.auth import Authorizer, Caller, RequiredScope, token_of
from serving.schemas import FORBIDDEN, RATE_LIMITED, Problem

SERVICE_SCOPES: Final[dict[str, RequiredScope]] = {
    "thinkgate.v1.DecisionService": "decide",
    "thinkgate.v1.OutcomeService": "report",
    "envoy.service.ext_proc.v3.ExternalProcessor": "decide",
    "grpc.health.v1.Health": "nothing",
    "grpc.reflection.v1.ServerReflection": "any key",
    "grpc.reflection.v1alpha.ServerReflection": "any key",
}
"""Scope that each service asks of its caller; one that is not listed needs `admin`."""

_STATUS: Final = {FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED, RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED}
_BATCH_FIELDS: Final = ("requests", "outcomes")


class AuthInterceptor(grpc.aio.ServerInterceptor):
    """Lets only authorized calls reach their handler."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Refuse the call in the handler's place where it is not authorized."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        service = handler_call_details.method.rpartition("/")[0].lstrip("/")
        token = _token(handler_call_details.invocation_metadata) if self._authorizer.locked else None
        caller = self._authorizer.authorize(token, SERVICE_SCOPES.get(service, "admin"))
        if isinstance(caller, Problem):
            return _refusal(handler, caller)
        return _charging(handler, self._authorizer, caller) if caller.key_id and handler.unary_unary else handler


def _token(metadata: Any) -> str | None:
    found = {name: value for name, value in metadata or () if name in ("authorization", "x-api-key")}
    authorization, x_api_key = found.get("authorization"), found.get("x-api-key")
    return token_of(
        authorization if isinstance(authorization, str) else None, x_api_key if isinstance(x_api_key, str) else None
    )


def _charging(handler: Any, authorizer: Authorizer, caller: Caller) -> Any:
    """Wrap a handler so that a batch's items beyond the first are charged to the caller's rate."""

    async def call(request: Any, context: Any) -> Any:
        for field in _BATCH_FIELDS:
            authorizer.charge(caller, len(getattr(request, field, ())) - 1)
        return await handler.unary_unary(request, context)

    return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, handler.response_serializer)


def _refusal(handler: Any, problem: Problem) -> Any:
    status = _STATUS.get(problem.kind, grpc.StatusCode.UNAUTHENTICATED)
    trailing = tuple((name.decode(), value.decode()) for name, value in problem.headers)

    async def abort(_request: Any, context: Any) -> Any:
        await context.abort(status, problem.detail, trailing)

    async def abort_stream(_request: Any, context: Any) -> Any:
        await context.abort(status, problem.detail, trailing)
        yield  # makes it an asynchronous generator, as a streamed answer must be

    kinds: dict[tuple[bool, bool], Callable[[], Any]] = {
        (False, False): lambda: grpc.unary_unary_rpc_method_handler(abort),
        (False, True): lambda: grpc.unary_stream_rpc_method_handler(abort_stream),
        (True, False): lambda: grpc.stream_unary_rpc_method_handler(abort),
        (True, True): lambda: grpc.stream_stream_rpc_method_handler(abort_stream),
    }
    return kinds[handler.request_streaming, handler.response_streaming]()
