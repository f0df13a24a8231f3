"""Counts and times HTTP calls by route and status, and answers `GET /metrics`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Final

from serving.http_api.asgi import SECURITY_HEADERS, App, Event, Receive, Scope, Send
from serving.http_api.docs import problem_responses
from serving.http_api.route import Route, RouteText
from serving.schemas import FORBIDDEN, NO_KEY, RATE_LIMITED
from serving.telemetry import OTHER, STAGE_BOUNDS, MetricRegistry, PrometheusExposition

_TEXT: Final = RouteText(
    summary="Metrics of all workers, for Prometheus",
    description="Text format, or OpenMetrics where the `accept` header asks for it. Needs a key of scope `metrics`.",
    responses={
        200: {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **problem_responses((NO_KEY, FORBIDDEN, RATE_LIMITED)),
    },
    extra={},
    tag="status",
)


def count_calls(
    app: App, registry: MetricRegistry, paths: Collection[str], clock: Callable[[], float] = time.perf_counter
) -> App:
    """Count and time all calls of `app`.

    Parameters
    ----------
    paths
        Those that become a label; all others are `other`, so that callers can't make labels.
    clock
        Monotonic seconds.
    """
    calls = registry.counter("thinkgate_http_requests", "HTTP calls answered.", ("route", "status"))
    seconds = registry.histogram("thinkgate_http_request_seconds", "Time of HTTP calls.", ("route",), STAGE_BOUNDS)
    rows = {path: seconds.row((path,)) for path in (*paths, OTHER)}

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started = clock()
        route = scope["path"] if scope["path"] in rows else OTHER
        status = "none"

        async def send_noting_status(event: Event) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = str(event["status"])
            await send(event)

        try:
            await app(scope, receive, send_noting_status)
        finally:
            calls.add((route, status))
            seconds.record(rows[route], clock() - started)

    return counting


def metrics_route(exposition: PrometheusExposition) -> Route:
    """Give the route `GET /metrics`."""

    async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
        accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), "")
        body, media_type = exposition.render(accept)
        headers = (
            (b"content-type", media_type.encode()),
            (b"content-length", b"%d" % len(body)),
            *SECURITY_HEADERS,
        )
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return Route("GET", "/metrics", answer, _TEXT)
