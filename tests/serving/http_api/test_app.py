"""The whole HTTP API: status routes, unknown addresses, security headers, and faults that no route handles."""

from __future__ import annotations

import logging

import pytest

from serving.http_api.asgi import Receive, Scope, Send
from serving.http_api.route import Route, RouteText
from serving.schemas.limits import BodyLimits, RequestLimits
from tests.support.fakes import Client, LengthDecider, client_of, make_service

ONE = "/v1/decisions"
BATCH = "/v1/decisions/batch"
SMALL = RequestLimits(BodyLimits(max_bytes=16_384, seconds=5.0), max_messages=5, max_batch=3)
TEXT = RouteText("A route", "For tests.", {}, {})


@pytest.fixture
def client() -> Client:
    return client_of(make_service(LengthDecider()), SMALL)


@pytest.mark.parametrize("path", [ONE, BATCH])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
def test_wrong_method(client: Client, path: str, method: str) -> None:
    answer = client.call(method, path)
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"


def test_unknown_address_is_a_problem(client: Client) -> None:
    for method, path, status in (("GET", "/v1/nothing", 404), ("POST", "/healthz", 405), ("POST", "/v1/model", 405)):
        answer = client.call(method, path)
        assert answer.status == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status


def test_status_routes() -> None:
    client = client_of(make_service(LengthDecider()))
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    model = client.get("/v1/model").json()
    assert [arm["name"] for arm in model["arms"]] == ["direct", "reasoning"]
    assert model["bundle"] == {"created": "2026-01-01T00:00:00Z"}
    late = client_of(make_service(LengthDecider()), ready=False).get("/readyz")
    assert (late.status, late.json()["type"]) == (503, "urn:thinkgate:problem:not-ready")


@pytest.mark.parametrize("path", [ONE, "/healthz", "/docs", "/openapi.json", "/nothing"])
def test_security_headers_everywhere(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_fault_of_a_route_is_a_500_that_does_not_quote_the_request(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("the secret word")

    routes = (Route("POST", "/v1/exact", fail, TEXT), Route("POST", "/v1/by/{name}", fail, TEXT))
    client = client_of(make_service(LengthDecider()), routes=routes)
    with caplog.at_level(logging.DEBUG):
        for path in ("/v1/exact", "/v1/by/name"):
            answer = client.post(path, {})
            assert (answer.status, answer.json()["type"]) == (500, "urn:thinkgate:problem:unexpected")
    assert caplog.text.count("RuntimeError in fail") == 2
    assert "secret" not in caplog.text


def test_root_leads_to_the_documentation(client: Client) -> None:
    assert client.get("/").headers["location"] == "/docs"
