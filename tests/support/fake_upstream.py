"""A fake of LLM endpoints: records what it got, answers in the provider's own shape, streams on command."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.asgi_server import serve_in_thread

Json = dict[str, Any]

CHAT_USAGE: Json = {
    "prompt_tokens": 50,
    "completion_tokens": 900,
    "total_tokens": 950,
    "completion_tokens_details": {"reasoning_tokens": 700},
}
REPLIES: dict[str, Json] = {
    "/v1/chat/completions": {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5.1",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Paris."}}],
        "usage": CHAT_USAGE,
    },
    "/v1/responses": {"model": "gpt-5.1", "output": [], "usage": {"input_tokens": 7, "output_tokens": 8}},
    "/v1/messages": {
        "model": "claude-sonnet-4-5",
        "content": [],
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5},
    },
    "gemini": {
        "modelVersion": "gemini-2.5-flash",
        "candidates": [],
        "usageMetadata": {"promptTokenCount": 40, "candidatesTokenCount": 60, "thoughtsTokenCount": 500},
    },
}
CHAT_EVENTS = (
    {"model": "gpt-5.1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Pa"}}]},
    {"model": "gpt-5.1", "choices": [{"index": 0, "delta": {"content": "ris."}}]},
    {"model": "gpt-5.1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"model": "gpt-5.1", "choices": [], "usage": CHAT_USAGE},
)


@dataclass
class Call:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Upstream:
    """The endpoint; `may_continue` is taken once before each streamed event but the first."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    may_continue: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    status: int = 200
    gzipped: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def last(self) -> Call:
        return self.calls[-1]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self.calls.append(Call(scope["method"], scope["path"], headers, body))
        try:
            streamed = bool(json.loads(body).get("stream"))
        except (ValueError, AttributeError, RecursionError):
            streamed = False
        if streamed and scope["path"] == "/v1/chat/completions":
            await self._stream(send)
        else:
            await self._reply(scope["path"], send)

    async def _reply(self, path: str, send: Any) -> None:
        reply = REPLIES["gemini"] if "generateContent" in path else REPLIES.get(path, {"ok": True})
        content = json.dumps(reply).encode()
        headers = [(b"content-type", b"application/json")]
        if self.gzipped:
            content = gzip.compress(content)
            headers.append((b"content-encoding", b"gzip"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _stream(self, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for place, event in enumerate(CHAT_EVENTS):
            if place:
                await asyncio.to_thread(self.may_continue.acquire)
            chunk_json = {"id": "c", "object": "chat.completion.chunk", "created": 1, **event}
            chunk = b"data: " + json.dumps(chunk_json).encode() + b"\n\n"
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


@contextmanager
def serve_upstream() -> Iterator[Upstream]:
    """Serve one on a free port while the block runs."""
    upstream = Upstream()
    with serve_in_thread(upstream) as upstream.port:
        try:
            yield upstream
        finally:
            upstream.may_continue.release(100)
