"""Reads the token usage out of a model's reply while it streams by: nothing is held up, no text is kept."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import orjson

from serving.decision.pricing.usage import BadUsage, Usage, usage_from_anthropic, usage_from_gemini, usage_from_openai
from serving.decision.providers.client_intent import Api

MAX_BYTES: Final = 4 * 2**20
"""Longest JSON reply, and longest line of a stream, that is read; of longer ones the usage stays unknown."""

READABLE_ENCODINGS: Final = ("gzip", "deflate", "identity")
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class ReplySummary:
    """What a reply tells of the call.

    Parameters
    ----------
    usage
        None where the reply has none, or has one that can't be read.
    model
        That really served; None where the reply does not say.
    """

    usage: Usage | None
    model: str | None


class ReplyReader:
    """Takes a reply's body chunk by chunk.

    Parameters
    ----------
    api
        Shape of the endpoint.
    content_type
        Of the reply; `text/event-stream` is read event by event.
    content_encoding
        Of the reply; anything but gzip, deflate and identity leaves the usage unknown.
    """

    def __init__(self, api: Api, content_type: str, content_encoding: str = "") -> None:
        self._take = _TAKERS[api]
        self._read = _READERS[api]
        self._events = content_type.partition(";")[0].strip().lower() == "text/event-stream"
        encoding = content_encoding.strip().lower() or "identity"
        self._lost = encoding not in READABLE_ENCODINGS
        self._unzip = None if encoding == "identity" else zlib.decompressobj(_GZIP_OR_ZLIB)
        self._pending = bytearray()
        self._skipping = False
        self._usage: dict[str, Any] = {}
        self._model: str | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next part of the body; never raises for what is in it."""
        if self._lost or not chunk:
            return
        if self._unzip is None:
            self._feed_plain(chunk)
            return
        try:
            while chunk and not self._lost:
                self._feed_plain(self._unzip.decompress(chunk, MAX_BYTES))
                chunk = self._unzip.unconsumed_tail
        except zlib.error:
            self._lost = True

    def finish(self) -> ReplySummary:
        """Tell what was found; to be called once, after the last part."""
        if self._pending and not self._lost and not self._skipping:
            if self._events:
                self._line(bytes(self._pending))
            else:
                self._document(bytes(self._pending))
        self._pending.clear()
        try:
            usage = self._read(self._usage) if self._usage else None
        except BadUsage:
            usage = None
        return ReplySummary(usage, self._model)

    def _feed_plain(self, data: bytes) -> None:
        if not self._events:
            self._pending += data
            if len(self._pending) > MAX_BYTES:
                self._lost = True
                self._pending.clear()
            return
        first, *rest = data.split(b"\n")
        self._extend(first)
        for line in rest:
            if not self._skipping:
                self._line(bytes(self._pending))
            self._pending.clear()
            self._skipping = False
            self._extend(line)

    def _extend(self, part: bytes) -> None:
        if len(self._pending) + len(part) > MAX_BYTES:
            self._skipping = True
            self._pending.clear()
        if not self._skipping:
            self._pending += part

    def _line(self, line: bytes) -> None:
        # Most events carry text only: they are not parsed.
        if line.startswith(b"data:") and (b'"usage' in line or self._model is None):
            self._document(line[5:])

    def _document(self, raw: bytes) -> None:
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, dict):
                self._take(item, self._usage)
                self._model = self._model or _model_of(item)


def _model_of(item: Mapping[str, Any]) -> str | None:
    for holder in (item, item.get("message"), item.get("response")):
        if isinstance(holder, Mapping):
            named = holder.get("model") or holder.get("modelVersion")
            if isinstance(named, str):
                return named[:256]
    return None


def _take_usage(item: Mapping[str, Any], found: dict[str, Any]) -> None:
    """The last usage counts; that of a streamed `responses` stands in its last event's `response`."""
    inner = item.get("response")
    for holder in (item, inner if isinstance(inner, Mapping) else {}):
        usage = holder.get("usage")
        if isinstance(usage, Mapping):
            found.clear()
            found.update(usage)


def _take_message(item: Mapping[str, Any], found: dict[str, Any]) -> None:
    """The first event counts the prompt, the last ones the answer so far."""
    inner = item.get("message")
    for holder in (inner if isinstance(inner, Mapping) else {}, item):
        usage = holder.get("usage")
        if isinstance(usage, Mapping):
            found.update({name: value for name, value in usage.items() if value is not None})


def _take_metadata(item: Mapping[str, Any], found: dict[str, Any]) -> None:
    usage = item.get("usageMetadata")
    if isinstance(usage, Mapping):
        found.update(usage)


_TAKERS: Final[Mapping[Api, Callable[[Mapping[str, Any], dict[str, Any]], None]]] = MappingProxyType(
    {
        "chat": _take_usage,
        "openrouter": _take_usage,
        "responses": _take_usage,
        "messages": _take_message,
        "gemini": _take_metadata,
    }
)
_READERS: Final[Mapping[Api, Callable[[Mapping[str, object]], Usage]]] = MappingProxyType(
    {
        "chat": usage_from_openai,
        "openrouter": usage_from_openai,
        "responses": usage_from_openai,
        "messages": usage_from_anthropic,
        "gemini": usage_from_gemini,
    }
)
