"""Auth interceptor: gRPC asks for the same keys, scopes and rates as HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import grpc.aio

from serving.grpc_api.auth_interceptor import SERVICE_SCOPES, AuthInterceptor
from serving.proto.thinkgate.v1 import decision_pb2, outcome_pb2
from tests.support.api_keys import KeySet


def test_every_service_asks_for_its_scope_and_a_batch_is_charged_by_item(tmp_path: Path) -> None:
    asyncio.run(_call_grpc(KeySet(tmp_path)))


async def _call_grpc(keys: KeySet) -> None:
    server = grpc.aio.server(interceptors=[AuthInterceptor(keys.authorizer)])
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler("thinkgate.v1.DecisionService", _handlers()),
            grpc.method_handlers_generic_handler("thinkgate.v1.OutcomeService", _handlers()),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", _handlers()),
            grpc.method_handlers_generic_handler("envoy.service.ext_proc.v3.ExternalProcessor", _handlers()),
            grpc.method_handlers_generic_handler("some.Other", _handlers()),
        ]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await _check_grpc(channel, keys)
    finally:
        await server.stop(0)


async def _check_grpc(channel: grpc.aio.Channel, keys: KeySet) -> None:
    async def status(service: str, key: str | None = None, method: str = "Decide", header: str = "x-api-key") -> str:
        value = "" if key is None else keys.token(key)
        metadata = () if key is None else ((header, f"Bearer {value}" if header == "authorization" else value),)
        try:
            if method == "Process":
                call = channel.stream_stream(f"/{service}/{method}")([b"a"], metadata=metadata)
                async for _ in call:
                    pass
            else:
                batch = decision_pb2.DecideBatchRequest(requests=[decision_pb2.DecideRequest()] * 10)
                body = batch.SerializeToString() if method == "DecideBatch" else b""
                await channel.unary_unary(f"/{service}/{method}")(body, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return "OK"

    decisions, envoy = "thinkgate.v1.DecisionService", "envoy.service.ext_proc.v3.ExternalProcessor"
    assert await status("grpc.health.v1.Health") == "OK"
    assert await status(decisions) == "UNAUTHENTICATED"
    assert await status(decisions, "report") == "PERMISSION_DENIED"
    assert await status(decisions, "decide") == "OK"
    assert await status(decisions, "decide", header="authorization") == "OK"
    assert await status("thinkgate.v1.OutcomeService", "report") == "OK"
    assert await status("some.Other", "decide") == "PERMISSION_DENIED"
    assert await status("some.Other", "admin") == "OK"
    assert await status(envoy, None, "Process") == "UNAUTHENTICATED"
    assert await status(envoy, "decide", "Process") == "OK"
    assert await status(decisions, "slow", "DecideBatch") == "OK"
    assert await status(decisions, "slow") == "RESOURCE_EXHAUSTED"
    keys.clock.now += 8.1
    assert await status(decisions, "slow") == "OK"


def _handlers() -> dict[str, grpc.RpcMethodHandler]:
    async def answer(_request: object, _context: object) -> bytes:
        return b""

    async def stream(requests: object, _context: object) -> object:
        yield b""

    read = decision_pb2.DecideBatchRequest.FromString
    return {
        "Decide": grpc.unary_unary_rpc_method_handler(answer),
        "DecideBatch": grpc.unary_unary_rpc_method_handler(answer, read),
        "Process": grpc.stream_stream_rpc_method_handler(stream),
    }


def test_grpc_services_are_listed() -> None:
    ours = [file.DESCRIPTOR.services_by_name.values() for file in (decision_pb2, outcome_pb2)]
    names = {service.full_name for services in ours for service in services}
    assert names <= set(SERVICE_SCOPES)
