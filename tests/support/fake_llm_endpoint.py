"""A fake OpenAI-compatible endpoint that counts billed calls and injects faults."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.asgi_server import serve_in_thread


@dataclass
class FakeEndpoint:
    """`answer` gives the text for a body; `fault` names what goes wrong with the n-th call (from 1) of a key.

    Faults: a status code, `hang`, `cut` (no reply at all), `torn` (half a reply), `malformed`, `no_usage`.
    """

    answer: Callable[[dict[str, Any]], str] = lambda body: "391"
    fault: Callable[[str, int], int | str | None] = lambda key, tried: None
    seconds: float = 0.0
    hidden: int = 40
    seen: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        received = b""
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":  # killed while it asked: nothing was answered, nothing paid
                return
            received += event.get("body", b"")
            if not event.get("more_body"):
                break
        body = json.loads(received)
        request_headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.keys.append(request_headers.get("authorization"))
        self.bodies.append(body)
        key = f"{body['messages'][-1]['content']}|{body['model']}|{body.get('reasoning_effort')}"
        self.seen[key] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self._reply(key, body, send)
        finally:
            self.at_once -= 1

    async def _reply(self, key: str, body: dict[str, Any], send: Any) -> None:
        fault = self.fault(key, self.seen[key])
        await asyncio.sleep(self.seconds)
        if fault == "hang":
            await asyncio.sleep(30)
        if fault == "cut":
            return
        usage = {"prompt_tokens": 10, "completion_tokens": 50, "total_tokens": 60,
                 "completion_tokens_details": {"reasoning_tokens": self.hidden}}  # fmt: skip
        completion: dict[str, Any] = {
            "id": "c", "object": "chat.completion", "created": 1, "model": body["model"] + "-2025-11-13",
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": self.answer(body)}}],
        }  # fmt: skip
        if fault != "no_usage":
            completion["usage"] = usage
        content = b"<html>" if fault == "malformed" else json.dumps(completion).encode()
        status = fault if isinstance(fault, int) else 200
        headers = [(b"content-length", str(len(content)).encode())]
        if status == 429:
            headers.append((b"retry-after", b"0.05"))
        if status == 200 and fault not in ("torn", "malformed"):
            self.paid[key] += 1
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": content[:5] if fault == "torn" else content, "more_body": False}
        )


@contextmanager
def serve(endpoint: FakeEndpoint) -> Iterator[FakeEndpoint]:
    """Serve it on a free port while the block runs."""
    with serve_in_thread(endpoint) as endpoint.port:
        yield endpoint
