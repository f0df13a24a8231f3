"""Counting HTTP calls: by known route and status, timed, whatever the application does."""

from __future__ import annotations

import asyncio

import pytest

from serving.http_api.asgi import App, Receive, Scope, Send, answer_json
from serving.http_api.metrics_middleware import count_calls, metrics_route
from tests.support.fakes import Client, LengthDecider, client_of, make_service
from tests.support.scraped_metrics import ScrapedMetrics


def counted(app: App, metrics: ScrapedMetrics) -> Client:
    return Client(count_calls(app, metrics.registry, ["/known"], metrics.clock))


async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    await answer_json(send, b"{}", status=201)


def test_calls_are_counted_by_route_and_status() -> None:
    metrics = ScrapedMetrics()
    client = counted(answer, metrics)
    for path in ("/known", "/known", "/known/7", "/" + "x" * 5000):
        assert client.get(path).status == 201
    # Unknown paths share one label: callers can't make labels.
    assert metrics.samples("thinkgate_http_requests_total{") == {
        'thinkgate_http_requests_total{route="/known",status="201"}': 2.0,
        'thinkgate_http_requests_total{route="other",status="201"}': 2.0,
    }


def test_calls_are_timed() -> None:
    metrics = ScrapedMetrics()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        metrics.now += 0.25
        await answer(scope, receive, send)

    counted(slow, metrics).get("/known")
    assert metrics.samples('thinkgate_http_request_seconds_sum{route="/known"}').popitem()[1] == pytest.approx(0.25)


def test_call_that_fails_without_an_answer_is_counted_too() -> None:
    metrics = ScrapedMetrics()

    async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        counted(fail, metrics).get("/known")
    assert metrics.samples('thinkgate_http_requests_total{route="/known",status="none"}')


def test_other_protocols_pass_uncounted() -> None:
    metrics, passed = ScrapedMetrics(), []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        passed.append(scope["type"])

    async def nothing(*_: object) -> dict[str, object]:
        return {}

    asyncio.run(counted(app, metrics).app({"type": "lifespan"}, nothing, nothing))  # type: ignore[arg-type]
    assert passed == ["lifespan"]
    assert metrics.samples("thinkgate_http_requests_total{") == {}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [("", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text")],
)
def test_metrics_are_served_in_the_form_that_is_asked_for(accept: str, media_type: str) -> None:
    metrics = ScrapedMetrics()
    counted(answer, metrics).get("/known")
    metrics.exposition.publish()
    client = client_of(make_service(LengthDecider()), routes=(metrics_route(metrics.exposition),))
    got = client.call("GET", "/metrics", headers=(("accept", accept),))
    assert got.headers["content-type"].startswith(media_type)
    assert got.headers["x-content-type-options"] == "nosniff"
    assert int(got.headers["content-length"]) == len(got.body)
    assert b"thinkgate_http_requests_total" in got.body
