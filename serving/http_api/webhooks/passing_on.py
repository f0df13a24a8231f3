"""The body of a webhook's call, kept as it arrives, so that it can be given back whatever happens to it here."""

from __future__ import annotations

import asyncio
from typing import Final

from serving.http_api.asgi import SECURITY_HEADERS, Event, Receive, Send, discard_rest
from serving.schemas import Headers

_SECONDS: Final = 60.0
"""Longest time in which a body is given back."""


class RecordedBody:
    """Receives a body and keeps what has come of it.

    Parameters
    ----------
    receive
        Of the ASGI call.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._pieces: list[bytes] = []
        self._ended = False

    async def receive(self) -> Event:
        """Receive the next event, as the ASGI server gives it."""
        event = await self._receive()
        self._ended = event["type"] != "http.request" or not event.get("more_body", False)
        if event["type"] == "http.request":
            self._pieces.append(event.get("body", b""))
        return event

    async def pass_on(self, send: Send, headers: Headers = (), *, is_json: bool = False) -> None:
        """Answer 200 with the body: first what has come, then the rest as it comes, of which nothing is kept.

        A body of any size so costs no memory. The caller must read the answer while it still sends, as Plano does.

        Parameters
        ----------
        headers
            Further headers of the answer.
        is_json
            The body was read, and is JSON; otherwise nobody knows what it is.
        """
        media_type = b"application/json" if is_json else b"application/octet-stream"
        said = [(b"content-type", media_type), *SECURITY_HEADERS, *headers]
        if self._ended:
            said.append((b"content-length", b"%d" % sum(map(len, self._pieces))))
        async with asyncio.timeout(_SECONDS):
            await send({"type": "http.response.start", "status": 200, "headers": said})
            for piece in self._pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            while not self._ended:
                self._pieces.clear()
                event = await self.receive()
                await send({"type": "http.response.body", "body": event.get("body", b""), "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    async def discard(self) -> None:
        """Read what still comes, within limits: an answer to an unread body may get lost."""
        if not self._ended:
            self._pieces.clear()
            await discard_rest(self._receive)
