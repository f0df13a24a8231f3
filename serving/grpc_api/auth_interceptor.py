"""Puts the authorizer in front of gRPC: the same keys, scopes and rates as over HTTP, sent as metadata."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
import grpc.aio

from serving.auth.authorizer import Authorizer, Caller, RequiredScope, token_of
from serving.schemas.problems import FORBIDDEN, RATE_LIMITED, Problem

NEEDS: Final[dict[str, RequiredScope]] = {
    "thinkgate.v1.DecisionService": "decide",
    "thinkgate.v1.OutcomeService": "report",
    "envoy.service.ext_proc.v3.ExternalProcessor": "decide",
    "grpc.health.v1.Health": "nothing",
    "grpc.reflection.v1.ServerReflection": "any key",
    "grpc.reflection.v1alpha.ServerReflection": "any key",
}
"""What each service asks of its caller; one that is not listed needs an admin."""

_STATUS: Final = {FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED, RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED}
_BATCH_FIELDS: Final = ("requests", "outcomes")


class AuthInterceptor(grpc.aio.ServerInterceptor):
    """Lets only those calls through whom the authorizer lets in."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Answer in the handler's place where the caller may not come in."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        service = handler_call_details.method.rpartition("/")[0].lstrip("/")
        token = _token(handler_call_details.invocation_metadata) if self._authorizer.locked else None
        caller = self._authorizer.authorize(token, NEEDS.get(service, "admin"))
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
    """Count what a batch holds beyond its first item."""

    async def call(request: Any, context: Any) -> Any:
        for field in _BATCH_FIELDS:
            authorizer.charge(caller, len(getattr(request, field, ())) - 1)
        return await handler.unary_unary(request, context)

    return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, handler.response_serializer)


def _refusal(handler: Any, problem: Problem) -> Any:
    status = _STATUS.get(problem.kind, grpc.StatusCode.UNAUTHENTICATED)
    trailing = tuple((name.decode(), value.decode()) for name, value in problem.headers)

    async def once(_request: Any, context: Any) -> Any:
        await context.abort(status, problem.detail, trailing)

    async def stream(_request: Any, context: Any) -> Any:
        await context.abort(status, problem.detail, trailing)
        yield  # an asynchronous generator, which is what a streamed answer is

    kinds: dict[tuple[bool, bool], Callable[[], Any]] = {
        (False, False): lambda: grpc.unary_unary_rpc_method_handler(once),
        (False, True): lambda: grpc.unary_stream_rpc_method_handler(stream),
        (True, False): lambda: grpc.stream_unary_rpc_method_handler(once),
        (True, True): lambda: grpc.stream_stream_rpc_method_handler(stream),
    }
    return kinds[handler.request_streaming, handler.response_streaming]()
