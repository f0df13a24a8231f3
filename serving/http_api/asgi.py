"""Raw ASGI helpers: read a JSON body within its limits, answer JSON or a problem document."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from serving.schemas import (
    CODINGS,
    MEDIA_TYPE,
    TOO_LARGE,
    TOO_SLOW,
    WRONG_TYPE,
    BodyLimits,
    Headers,
    Problem,
    Rejected,
    decode_body,
    is_readable,
)
from serving.service import CALL_ERRORS, problem_of

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SECURITY_HEADERS: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""Headers of every answer; a page that a browser renders brings a content security policy of its own."""

_JSON: Final[Headers] = ((b"content-type", b"application/json"), *SECURITY_HEADERS)
_PROBLEM: Final[Headers] = ((b"content-type", MEDIA_TYPE), *SECURITY_HEADERS)

_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 64 * 2**20


class ClientGoneError(Exception):
    """The client disconnected before its body was complete: there is nobody to answer."""


async def read_json_body(
    scope: Scope, receive: Receive, limits: BodyLimits, *, compressed: bool = False
) -> bytes | bytearray:
    """Read a JSON request's body.

    Parameters
    ----------
    scope, receive
        The ASGI call.
    limits
        Enforced on the announced length, on the bytes that arrive, and on what they decode to.
    compressed
        Whether a content-encoding is taken; what is given is decoded.

    Raises
    ------
    Rejected
        Wrong media type or encoding, too large, too slow.
    ClientGoneError
        The client disconnected.
    """
    coding = _check_headers(scope, limits, compressed)
    try:
        async with asyncio.timeout(limits.seconds):
            body = await _collect(receive, limits)
    except TimeoutError:
        detail = f"the body did not arrive within {limits.seconds:g} s; send it in one piece"
        raise Rejected(Problem(TOO_SLOW, detail, headers=((b"connection", b"close"),))) from None
    return decode_body(body, coding, limits.max_bytes) if coding else body


async def answer_json(send: Send, body: bytes | bytearray, status: int = 200, headers: Headers = _JSON) -> None:
    """Send JSON; `headers` replace the usual ones."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": (*headers, length)})
    await send({"type": "http.response.body", "body": body})


async def answer_problem(problem: Problem, receive: Receive, send: Send) -> None:
    """Send a problem document.

    Where the body is too large, a part of it is still read, so that the client gets to see the answer.
    """
    body = problem.to_json()
    headers = (*_PROBLEM, *problem.headers, (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": problem.kind.status, "headers": headers})
    if problem.kind is not TOO_LARGE:
        await send({"type": "http.response.body", "body": body})
        return
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await discard_rest(receive)
    await send({"type": "http.response.body", "body": b""})


def answer_errors(app: App) -> App:
    """Answer the errors of `CALL_ERRORS` that `app` raises with their problems; a client that is gone with nothing."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except ClientGoneError:
            return
        except CALL_ERRORS as error:
            await answer_problem(problem_of(error), receive, send)

    return answered


def with_headers(send: Send, headers: Headers) -> Send:
    """Add headers to each response, except those that it has already."""

    async def send_more(event: Event) -> None:
        if event["type"] == "http.response.start":
            given = list(event.get("headers", ()))
            names = {name.lower() for name, _ in given}
            event["headers"] = [*given, *(header for header in headers if header[0] not in names)]
        await send(event)

    return send_more


def _check_headers(scope: Scope, limits: BodyLimits, compressed: bool) -> bytes:
    """Give the content-encoding; empty where the body is plain."""
    media_type = coding = b""
    for name, value in scope["headers"]:
        if name == b"content-type":
            media_type = value
        elif name == b"content-length" and value.isdigit() and int(value[:19]) > limits.max_bytes:
            raise Rejected(_too_large(limits))
        elif name == b"content-encoding" and value.lower() != b"identity":
            coding = value
    if coding and not (compressed and is_readable(coding)):
        takes = f"plain or in {', '.join(CODINGS)}" if compressed else "uncompressed, without content-encoding"
        raise Rejected(Problem(WRONG_TYPE, f"send the body {takes}"))
    if media_type != b"application/json":
        media_type = media_type.partition(b";")[0].strip().lower()
        if media_type != b"application/json" and not (
            media_type.startswith(b"application/") and media_type.endswith(b"+json")
        ):
            raise Rejected(Problem(WRONG_TYPE, "send JSON with the header content-type: application/json"))
    return coding


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


async def discard_rest(receive: Receive) -> None:
    """Discard what still arrives: closing with unread data would reset the connection before the answer is read."""
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
