"""Reads a body and writes an answer on raw ASGI, with every limit enforced before memory or time is spent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from serving.schemas.limits import BodyLimits
from serving.schemas.problems import MEDIA_TYPE, TOO_LARGE, TOO_SLOW, WRONG_TYPE, Headers, Problem, Rejected

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SECURITY: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
NO_CONTENT_ALLOWED: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""For answers that no browser has to render."""

_JSON: Final[Headers] = ((b"content-type", b"application/json"), *SECURITY, NO_CONTENT_ALLOWED)
_PROBLEM: Final[Headers] = ((b"content-type", MEDIA_TYPE), *SECURITY, NO_CONTENT_ALLOWED)

_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 64 * 2**20


class ClientGoneError(Exception):
    """The client hung up before its body was complete: there is nobody to answer."""


async def read_json_body(scope: Scope, receive: Receive, limits: BodyLimits) -> bytes | bytearray:
    """Read a JSON request's body.

    Parameters
    ----------
    scope, receive
        The ASGI call.
    limits
        Enforced on the announced length, and on what really comes.

    Raises
    ------
    Rejected
        Wrong media type or encoding, too large, too slow.
    ClientGoneError
        The client hung up.
    """
    _check_headers(scope, limits)
    try:
        async with asyncio.timeout(limits.seconds):
            return await _collect(receive, limits)
    except TimeoutError:
        detail = f"the body did not arrive within {limits.seconds:g} s; send it in one piece"
        raise Rejected(Problem(TOO_SLOW, detail, headers=((b"connection", b"close"),))) from None


async def answer_json(send: Send, body: bytes | bytearray, status: int = 200, headers: Headers = _JSON) -> None:
    """Send JSON, with `headers` in place of the usual ones where an answer has more to say in them."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": (*headers, length)})
    await send({"type": "http.response.body", "body": body})


async def answer_problem(problem: Problem, receive: Receive, send: Send) -> None:
    """Send a problem; of a body that is too large, take a little more first, so that the client gets to read it."""
    body = problem.to_json()
    headers = (*_PROBLEM, *problem.headers, (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": problem.kind.status, "headers": headers})
    if problem.kind is not TOO_LARGE:
        await send({"type": "http.response.body", "body": body})
        return
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await _linger(receive)
    await send({"type": "http.response.body", "body": b""})


def with_headers(send: Send, headers: Headers) -> Send:
    """Add headers to whatever is sent, except those that the answer has already."""

    async def send_more(event: Event) -> None:
        if event["type"] == "http.response.start":
            given = list(event.get("headers", ()))
            names = {name.lower() for name, _ in given}
            event["headers"] = [*given, *(header for header in headers if header[0] not in names)]
        await send(event)

    return send_more


def _check_headers(scope: Scope, limits: BodyLimits) -> None:
    media_type = b""
    for name, value in scope["headers"]:
        if name == b"content-type":
            media_type = value
        elif name == b"content-length" and value.isdigit() and int(value[:19]) > limits.max_bytes:
            raise Rejected(_too_large(limits))
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise Rejected(Problem(WRONG_TYPE, "send the body uncompressed, without content-encoding"))
    if media_type != b"application/json":
        media_type = media_type.partition(b";")[0].strip().lower()
        if media_type != b"application/json" and not (
            media_type.startswith(b"application/") and media_type.endswith(b"+json")
        ):
            raise Rejected(Problem(WRONG_TYPE, "send JSON with the header content-type: application/json"))


async def _collect(receive: Receive, limits: BodyLimits) -> bytes | bytearray:
    body: bytes | bytearray = b""
    while (event := await receive())["type"] == "http.request":
        chunk: bytes = event.get("body", b"")
        if len(body) + len(chunk) > limits.max_bytes:
            raise Rejected(_too_large(limits))
        more = event.get("more_body", False)
        if not body and not more:
            return chunk  # the usual case: nothing is copied
        body = bytearray(body) if isinstance(body, bytes) else body
        body += chunk
        if not more:
            return body
    raise ClientGoneError


def _too_large(limits: BodyLimits) -> Problem:
    detail = (
        f"the body is larger than {limits.max_bytes} bytes; send the newest turns only, and leave out the data of"
        " images and files: it is counted, not read"
    )
    return Problem(TOO_LARGE, detail, headers=((b"connection", b"close"),))


async def _linger(receive: Receive) -> None:
    """Throw away what still comes: closing on unread data would reset the connection under the answer."""
    taken = 0
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while taken < _LINGER_BYTES:
                event = await receive()
                if event["type"] != "http.request" or not event.get("more_body", False):
                    return
                taken += len(event.get("body", b""))
    except TimeoutError:
        return
