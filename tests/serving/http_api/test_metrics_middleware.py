"""Counting HTTP calls: by known route and status, timed, whatever the application does."""

from __future__ import annotations

import asyncio

import pytest

from serving.http_api.asgi import App, Receive, Scope, Send, answer_json
from serving.http_api.metrics_middleware import count_calls, metrics_route
from serving.telemetry.instruments import MetricRegistry
from serving.telemetry.prometheus import PrometheusExposition
from serving.telemetry.shared_board import SharedBoard
from tests.support.fakes import Client, LengthDecider, client_of, make_service


class Scrape:
    """A registry, and what Prometheus reads of it."""

    def __init__(self) -> None:
        self.registry = MetricRegistry()
        self.exposition = PrometheusExposition(self.registry, SharedBoard(), 0)
        self.now = 0.0

    def counted(self, app: App) -> Client:
        return Client(count_calls(app, self.registry, ["/known"], lambda: self.now))

    def lines(self) -> list[str]:
        self.exposition.publish()
        body, _ = self.exposition.render("text/plain")
        return body.decode().splitlines()


async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    await answer_json(send, b"{}", status=201)


def test_calls_are_counted_by_route_and_status() -> None:
    scrape = Scrape()
    client = scrape.counted(answer)
    for path in ("/known", "/known", "/known/7", "/" + "x" * 5000):
        assert client.get(path).status == 201
    lines = scrape.lines()
    assert 'thinkgate_http_requests_total{route="/known",status="201"} 2' in [line.removesuffix(".0") for line in lines]
    counted = [line for line in lines if line.startswith("thinkgate_http_requests_total{")]
    assert len(counted) == 2, "an unknown path must not become a label"
    assert any('route="other"' in line and float(line.split()[-1]) == 2.0 for line in counted)


def test_calls_are_timed() -> None:
    scrape = Scrape()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        scrape.now += 0.25
        await answer(scope, receive, send)

    scrape.counted(slow).get("/known")
    (line,) = [line for line in scrape.lines() if line.startswith('thinkgate_http_request_seconds_sum{route="/known"}')]
    assert float(line.split()[-1]) == pytest.approx(0.25)


def test_call_that_fails_without_an_answer_is_counted_too() -> None:
    scrape = Scrape()

    async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        scrape.counted(fail).get("/known")
    assert any('route="/known",status="none"' in line for line in scrape.lines())


def test_other_protocols_pass_uncounted() -> None:
    scrape, passed = Scrape(), []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        passed.append(scope["type"])

    async def nothing(*_: object) -> dict[str, object]:
        return {}

    asyncio.run(scrape.counted(app).app({"type": "lifespan"}, nothing, nothing))  # type: ignore[arg-type]
    assert passed == ["lifespan"]
    assert not [line for line in scrape.lines() if line.startswith("thinkgate_http_requests_total{")]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [("", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text")],
)
def test_metrics_are_served_in_the_form_that_is_asked_for(accept: str, media_type: str) -> None:
    scrape = Scrape()
    scrape.counted(answer).get("/known")
    scrape.exposition.publish()
    client = client_of(make_service(LengthDecider()), routes=(metrics_route(scrape.exposition),))
    got = client.call("GET", "/metrics", headers=(("accept", accept),))
    assert got.headers["content-type"].startswith(media_type)
    assert got.headers["x-content-type-options"] == "nosniff"
    assert int(got.headers["content-length"]) == len(got.body)
    assert b"thinkgate_http_requests_total" in got.body
