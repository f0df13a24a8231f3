"""A recording upstream that answers each provider's calls in its own shape, as LiteLLM's translators expect them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.asgi_server import serve_in_thread
from tests.support.fake_upstream import Call

Json = dict[str, Any]

CHAT: Json = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "served",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Paris."}}],
    "usage": {
        "prompt_tokens": 50,
        "completion_tokens": 900,
        "total_tokens": 950,
        "completion_tokens_details": {"reasoning_tokens": 700},
    },
}
MESSAGE: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "Paris."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 0, "output_tokens": 5},
}
RESPONSE: Json = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-5.1",
    "output": [
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Paris.", "annotations": []}],
        }
    ],
    "usage": {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 25},
        "total_tokens": 50,
    },
    "parallel_tool_calls": True,
    "tools": [],
    "tool_choice": "auto",
}
GEMINI: Json = {
    "modelVersion": "gemini-2.5-pro",
    "candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [{"text": "Paris."}]}}],
    "usageMetadata": {
        "promptTokenCount": 40,
        "candidatesTokenCount": 60,
        "thoughtsTokenCount": 500,
        "totalTokenCount": 600,
    },
}
EMBEDDING: Json = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}
IMAGE: Json = {"created": 1, "data": [{"b64_json": "aGk="}]}
_BY_ENDING: tuple[tuple[str, Json], ...] = (
    ("/chat/completions", CHAT),
    ("/messages", MESSAGE),
    ("/responses", RESPONSE),
    (":generateContent", GEMINI),
    ("/embeddings", EMBEDDING),
    ("/images/generations", IMAGE),
)
_MESSAGE_EVENTS: tuple[Json, ...] = (
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Paris."}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 5},
    },
    {"type": "message_stop"},
)
_RESPONSE_EVENTS: tuple[Json, ...] = (
    {"type": "response.created", "sequence_number": 0, "response": {**RESPONSE, "status": "in_progress", "output": []}},
    {"type": "response.completed", "sequence_number": 1, "response": RESPONSE},
)


@dataclass
class ProviderUpstream:
    """All providers on one port; `broken` names models whose calls get 500."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def last(self) -> Json:
        body: Json = self.calls[-1].json()
        return body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        call = Call(scope["method"], scope["path"], {}, body)
        self.calls.append(call)
        said = call.json() if body else {}
        reply = next((reply for ending, reply in _BY_ENDING if scope["path"].endswith(ending)), None)
        if reply is None or said.get("model") in self.broken:
            status, content, kind = (500 if reply else 404), b'{"error": {"message": "no"}}', b"application/json"
        elif said.get("stream") and reply in (MESSAGE, RESPONSE):
            events = _MESSAGE_EVENTS if reply is MESSAGE else _RESPONSE_EVENTS
            lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
            status, content, kind = 200, "".join(lines).encode(), b"text/event-stream"
        else:
            status, content, kind = 200, json.dumps(reply).encode(), b"application/json"
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": content})


@contextmanager
def serve_providers() -> Iterator[ProviderUpstream]:
    """Serve one on a free port while the block runs."""
    upstream = ProviderUpstream()
    with serve_in_thread(upstream) as upstream.port:
        yield upstream
