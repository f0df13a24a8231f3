"""Counting unary gRPC calls over a real channel: by method and status code; unknown methods get no label."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest

from serving.grpc_api.metrics_interceptor import MetricsInterceptor
from tests.support.scraped_metrics import ScrapedMetrics

SERVICE = "test.Service"


async def refuse(_request: bytes, context: Any) -> bytes:
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")
    raise AssertionError


async def stream(_request: bytes, _context: Any) -> Any:
    yield b"a"
    yield b"b"


def serve_and_ask(
    metrics: ScrapedMetrics,
    ask: Callable[[grpc.aio.Channel], Awaitable[None]],
    echo: Callable[[bytes, Any], Awaitable[bytes]] | None = None,
) -> None:
    async def run() -> None:
        server = grpc.aio.server(interceptors=[MetricsInterceptor(metrics.registry, metrics.clock)])
        handlers = {
            "Echo": grpc.unary_unary_rpc_method_handler(echo or refuse),
            "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
            "Stream": grpc.unary_stream_rpc_method_handler(stream),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await ask(channel)
        finally:
            await server.stop(0)

    asyncio.run(asyncio.wait_for(run(), 30))


def test_calls_are_counted_by_method_and_code_and_timed() -> None:
    metrics = ScrapedMetrics()

    async def echo(request: bytes, _context: Any) -> bytes:
        metrics.now += 0.25
        return request

    async def ask(channel: grpc.aio.Channel) -> None:
        for _ in range(2):
            assert await channel.unary_unary(f"/{SERVICE}/Echo")(b"x") == b"x"
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary(f"/{SERVICE}/Refuse")(b"x")

    serve_and_ask(metrics, ask, echo)
    assert metrics.samples("thinkgate_grpc_requests_total{") == {
        'thinkgate_grpc_requests_total{code="OK",method="Service/Echo"}': 2.0,
        'thinkgate_grpc_requests_total{code="PERMISSION_DENIED",method="Service/Refuse"}': 1.0,
    }
    assert metrics.samples('thinkgate_grpc_request_seconds_sum{method="Service/Echo"}').popitem()[1] == pytest.approx(
        0.5
    )


def test_streams_and_unknown_methods_are_not_counted() -> None:
    metrics = ScrapedMetrics()

    async def ask(channel: grpc.aio.Channel) -> None:
        assert [part async for part in channel.unary_stream(f"/{SERVICE}/Stream")(b"x")] == [b"a", b"b"]
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await channel.unary_unary(f"/{SERVICE}/Guess")(b"x")
        assert unknown.value.code() == grpc.StatusCode.UNIMPLEMENTED

    serve_and_ask(metrics, ask)
    assert metrics.samples("thinkgate_grpc_requests_total{") == {}
