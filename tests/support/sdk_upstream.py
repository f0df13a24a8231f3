"""A fake provider behind TLS that real SDKs can call: chat and messages, whole and streamed, errors and websockets."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.asgi_server import serve_in_thread
from tests.support.certificates import Pair
from tests.support.fake_upstream import CHAT_EVENTS, CHAT_USAGE, REPLIES, Call

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [{"type": "text", "text": "Paris."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5},
}
MESSAGE_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Paris."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 33}},
    {"type": "message_stop"},
)
REFUSAL = {"error": {"type": "insufficient_quota", "message": "You exceeded your current quota.", "code": "quota"}}


@dataclass
class SdkUpstream:
    """Records calls; `may_continue` is taken once before each streamed event but the first."""

    port: int = 0
    status: int = 200
    calls: list[Call] = field(default_factory=list)
    may_continue: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def last(self) -> Call:
        return self.calls[-1]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._echo_once(scope, receive, send)
            return
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        self._record(scope, body)
        path = scope["path"]
        if self.status != 200:
            await _answer(send, self.status, REFUSAL)
        elif body and json.loads(body).get("stream"):
            await self._stream(path, send)
        elif path.endswith("/messages"):
            await _answer(send, 200, MESSAGE)
        else:
            await _answer(
                send, 200, REPLIES["/v1/chat/completions"] if "chat" in path else {"object": "list", "data": []}
            )

    def _record(self, scope: Any, body: bytes) -> None:
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        path = scope["path"] + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        self.calls.append(Call(scope.get("method", "GET"), path, headers, body))

    async def _stream(self, path: str, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        anthropic = path.endswith("/messages")
        events = MESSAGE_EVENTS if anthropic else CHAT_EVENTS
        for place, event in enumerate(events):
            if place:
                await asyncio.to_thread(self.may_continue.acquire)
            chunk = event if anthropic else {"id": "c", "object": "chat.completion.chunk", "created": 1, **event}
            name = f"event: {event['type']}\n" if anthropic else ""
            line = f"{name}data: {json.dumps(chunk)}\n\n".encode()
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b"" if anthropic else b"data: [DONE]\n\n"})

    async def _echo_once(self, scope: Any, receive: Any, send: Any) -> None:
        self._record(scope, b"")
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "text": message["text"].upper()})
        await send({"type": "websocket.close"})


async def _answer(send: Any, status: int, reply: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"x-request-id", b"req_upstream"), (b"server", b"provider")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(reply).encode()})


@contextmanager
def serve_sdk_upstream(pair: Pair) -> Iterator[SdkUpstream]:
    """Serve one over TLS on a free port while the block runs."""
    upstream = SdkUpstream()
    options = {"ssl_certfile": str(pair.cert), "ssl_keyfile": str(pair.key), "server_header": False}
    with serve_in_thread(upstream, **options) as upstream.port:
        try:
            yield upstream
        finally:
            upstream.may_continue.release(100)


__all__ = ["CHAT_USAGE", "REFUSAL", "SdkUpstream", "serve_sdk_upstream"]
