"""Reading bodies within their limits and answering on raw ASGI."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from serving.decision.errors import BadRequest
from serving.http_api.asgi import (
    App,
    ClientGoneError,
    Receive,
    Scope,
    Send,
    answer_errors,
    answer_json,
    read_json_body,
    with_headers,
)
from serving.journal.writer import JournalUnavailable
from serving.schemas.limits import BodyLimits
from tests.support.fakes import JSON, Client

LIMITS = BodyLimits(max_bytes=16_384, seconds=0.05)


def app_of(act: App) -> Client:
    return Client(answer_errors(act))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await answer_json(send, await read_json_body(scope, receive, LIMITS))


@pytest.fixture
def client() -> Client:
    return app_of(echo)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 415),
        ((("content-type", "text/plain"),), 415),
        ((("content-type", "application/x-www-form-urlencoded"),), 415),
        ((("content-type", "application/json"), ("content-encoding", "gzip")), 415),
        ((("content-type", "Application/JSON; charset=utf-8"),), 200),
        ((("content-type", "application/vnd.acme+json"),), 200),
    ],
)
def test_media_type(client: Client, headers: tuple[tuple[str, str], ...], status: int) -> None:
    assert client.post("/", {"prompt": "a"}, headers).status == status


def test_announced_length_is_refused_unread(client: Client) -> None:
    answer = client.call("POST", "/", [b"x" * 1000] * 20, (*JSON, ("content-length", "20000")))
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert "16384" in answer.json()["detail"]
    assert client.taken == 20  # the rest is still read, so that the client gets to see the answer


def test_unannounced_length_is_refused_when_it_is_reached(client: Client) -> None:
    assert client.call("POST", "/", [b" " * 1000] * 20, JSON).status == 413
    assert client.call("POST", "/", [b" " * 20_000], JSON).status == 413
    split = [b'{"pro', b'mpt": "', b"a", b'"}']
    assert client.call("POST", "/", split, JSON).status == 200
    assert client.call("POST", "/", split, JSON).body == b"".join(split)


def test_body_that_does_not_arrive_is_refused_in_time() -> None:
    async def silent() -> Any:
        await asyncio.Event().wait()

    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {"type": "http", "headers": [(b"content-type", b"application/json")]}
    asyncio.run(answer_errors(echo)(scope, silent, send))
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_nothing_is_sent_to_a_client_that_is_gone() -> None:
    async def disconnect() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_event: object) -> None:
        raise AssertionError("nobody is there")

    scope = {"type": "http", "headers": [(b"content-type", b"application/json")]}
    asyncio.run(answer_errors(echo)(scope, disconnect, send))
    with pytest.raises(ClientGoneError):
        asyncio.run(read_json_body(scope, disconnect, LIMITS))


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [(BadRequest("send less"), 422, ""), (JournalUnavailable("come again"), 503, "1")],
)
def test_errors_of_a_call_become_problems(error: Exception, status: int, header: str) -> None:
    async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    answer = app_of(fail).get("/")
    assert (answer.status, answer.json()["detail"]) == (status, str(error))
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("retry-after", "") == header


def test_faults_of_the_server_are_not_answered_here() -> None:
    async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        app_of(fail).get("/")


def test_added_headers_do_not_replace_what_an_answer_has() -> None:
    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        more = with_headers(send, ((b"x-a", b"added"), (b"x-b", b"added")))
        await answer_json(more, b"{}", headers=((b"X-A", b"own"),))

    headers = Client(answer).get("/").headers
    assert headers == {"X-A": "own", "content-length": "2", "x-b": "added"}
