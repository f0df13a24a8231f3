"""Token usage of a model's reply, parsed while it streams: nothing is delayed, no text is kept."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import orjson

from serving.decision.pricing import BadUsage, Usage, usage_from_anthropic, usage_from_gemini, usage_from_openai
from serving.decision.providers.endpoints import Api

MAX_BYTES: Final = 4 * 2**20
"""Longest JSON reply, and longest line of a stream, that is parsed; the usage of longer ones stays unknown."""

READABLE_ENCODINGS: Final = ("gzip", "deflate", "identity")
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS


WhyUnknown = Literal["missing", "malformed", "unreadable"]
"""Why a usage is unknown: the reply has none, an invalid one, or can't be read (its encoding or length)."""


@dataclass(frozen=True, slots=True)
class ReplySummary:
    """Usage and model of a reply.

    Parameters
    ----------
    usage
        None where the reply has none, or a malformed one.
    model
        The model that served; None where the reply names none.
    why_unknown
        None where the usage is known.
    reply_id
        The provider's id of a reply that another call can go on from; None for other formats.
    """

    usage: Usage | None
    model: str | None
    why_unknown: WhyUnknown | None = None
    reply_id: str | None = None


class ReplyReader:
    """Parses a reply's body chunk by chunk.

    Parameters
    ----------
    api
        Endpoint format.
    content_type
        Of the reply; `text/event-stream` is parsed event by event.
    content_encoding
        Of the reply; anything but gzip, deflate and identity leaves the usage unknown.
    """

    def __init__(self, api: Api, content_type: str, content_encoding: str = "") -> None:
        self._collect = _COLLECTORS[api]
        self._parse_usage = _PARSERS[api]
        self._is_stream = content_type.partition(";")[0].strip().lower() == "text/event-stream"
        encoding = content_encoding.strip().lower() or "identity"
        self._unknown = encoding not in READABLE_ENCODINGS
        self._decompressor = None if encoding == "identity" else zlib.decompressobj(_GZIP_OR_ZLIB)
        self._pending = bytearray()
        self._skipping_line = False
        self._after_cr = False
        self._event: list[bytes] = []
        """Data lines of the current event, where it has more than one."""
        self._event_bytes = 0
        self._usage: dict[str, Any] = {}
        self._model: str | None = None
        self._names_replies = api == "responses"
        self._reply_id: str | None = None

    def feed(self, chunk: bytes) -> None:
        """Parse the next part of the body; never raises, whatever its content."""
        if self._unknown or not chunk:
            return
        if self._decompressor is None:
            self._feed_decoded(chunk)
            return
        try:
            while chunk and not self._unknown:
                self._feed_decoded(self._decompressor.decompress(chunk, MAX_BYTES))
                chunk = self._decompressor.unconsumed_tail
        except zlib.error:
            self._unknown = True

    def finish(self) -> ReplySummary:
        """Give the result; to be called once, after the last part."""
        if self._pending and not self._unknown and not self._skipping_line:
            if self._is_stream:
                self._parse_line(bytes(self._pending))
            else:
                self._parse_json(bytes(self._pending))
        self._pending.clear()
        self._end_event()
        try:
            usage = self._parse_usage(self._usage) if self._usage else None
        except BadUsage:
            return ReplySummary(None, self._model, "malformed", self._reply_id)
        why: WhyUnknown = "unreadable" if self._unknown else "missing"
        return ReplySummary(usage, self._model, why if usage is None else None, self._reply_id)

    def _feed_decoded(self, data: bytes) -> None:
        if not self._is_stream:
            self._pending += data
            if len(self._pending) > MAX_BYTES:
                self._unknown = True
                self._pending.clear()
            return
        first, *rest = self._with_line_feeds(data).split(b"\n")
        self._append(first)
        for line in rest:
            if not self._skipping_line:
                self._parse_line(bytes(self._pending))
            self._pending.clear()
            self._skipping_line = False
            self._append(line)

    def _with_line_feeds(self, data: bytes) -> bytes:
        """Write each of the three line ends of server-sent events as LF, also where a CR LF comes in two parts."""
        if self._after_cr and data.startswith(b"\n"):
            data, self._after_cr = data[1:], False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data

    def _append(self, part: bytes) -> None:
        if len(self._pending) + len(part) > MAX_BYTES:
            self._skipping_line = True
            self._pending.clear()
        if not self._skipping_line:
            self._pending += part

    def _parse_line(self, line: bytes) -> None:
        if not line:
            self._end_event()
        if not line.startswith(b"data:"):
            return
        data = line[5:].strip()
        if not self._event and data.startswith(b"{") and data.endswith(b"}"):
            self._parse_data(data)
        elif self._event_bytes + len(data) <= MAX_BYTES:
            self._event.append(data)
            self._event_bytes += len(data)

    def _end_event(self) -> None:
        """Parse an event whose data came in several lines."""
        if self._event:
            self._parse_data(b"\n".join(self._event))
            self._event.clear()
        self._event_bytes = 0

    def _parse_data(self, data: bytes) -> None:
        # Most events carry text only: they are not parsed.
        if b'"usage' in data or self._model is None:
            self._parse_json(data)

    def _parse_json(self, raw: bytes) -> None:
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, dict):
                self._collect(item, self._usage)
                self._model = self._model or _model_of(item)
                if self._names_replies:
                    self._reply_id = self._reply_id or _reply_id_of(item)


def _model_of(item: Mapping[str, Any]) -> str | None:
    for holder in (item, item.get("message"), item.get("response")):
        if isinstance(holder, Mapping):
            named = holder.get("model") or holder.get("modelVersion")
            if isinstance(named, str):
                return named[:256]
    return None


def _reply_id_of(item: Mapping[str, Any]) -> str | None:
    for holder in (item.get("response"), item):
        if isinstance(holder, Mapping) and holder.get("object", "response") == "response":
            named = holder.get("id")
            if isinstance(named, str) and 0 < len(named) <= _MAX_ID:
                return named
    return None


_MAX_ID: Final = 256


def _collect_openai(item: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Keep the last usage; a streamed `responses` reply has it in the `response` of its last event."""
    inner = item.get("response")
    for holder in (item, inner if isinstance(inner, Mapping) else {}):
        usage = holder.get("usage")
        if isinstance(usage, Mapping):
            found.clear()
            found.update(usage)


def _collect_anthropic(item: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Merge usages: the first event counts the prompt, the last ones the answer so far."""
    inner = item.get("message")
    for holder in (inner if isinstance(inner, Mapping) else {}, item):
        usage = holder.get("usage")
        if isinstance(usage, Mapping):
            found.update({name: value for name, value in usage.items() if value is not None})


def _collect_gemini(item: Mapping[str, Any], found: dict[str, Any]) -> None:
    usage = item.get("usageMetadata")
    if isinstance(usage, Mapping):
        found.update(usage)


def _collect_converse(item: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Keep the usage of Bedrock's converse, in Anthropic's names: it counts cached tokens beside the others too."""
    usage = item.get("usage")
    if isinstance(usage, Mapping):
        found.update({ours: usage[theirs] for theirs, ours in _CONVERSE_NAMES if usage.get(theirs) is not None})


_CONVERSE_NAMES: Final = (
    ("inputTokens", "input_tokens"),
    ("outputTokens", "output_tokens"),
    ("cacheReadInputTokens", "cache_read_input_tokens"),
    ("cacheWriteInputTokens", "cache_creation_input_tokens"),
)


def _collect_cohere(item: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Keep Cohere's token counts; a stream has them in the `delta` of its last event."""
    delta = item.get("delta")
    for holder in (item, delta if isinstance(delta, Mapping) else {}):
        usage = holder.get("usage")
        tokens = usage.get("tokens") if isinstance(usage, Mapping) else None
        if isinstance(tokens, Mapping):
            found.update({name: value for name, value in tokens.items() if value is not None})


_COLLECTORS: Final[Mapping[Api, Callable[[Mapping[str, Any], dict[str, Any]], None]]] = MappingProxyType(
    {
        "chat": _collect_openai,
        "openrouter": _collect_openai,
        "responses": _collect_openai,
        "messages": _collect_anthropic,
        "gemini": _collect_gemini,
        "converse": _collect_converse,
        "cohere": _collect_cohere,
    }
)
_PARSERS: Final[Mapping[Api, Callable[[Mapping[str, object]], Usage]]] = MappingProxyType(
    {
        "chat": usage_from_openai,
        "openrouter": usage_from_openai,
        "responses": usage_from_openai,
        "messages": usage_from_anthropic,
        "gemini": usage_from_gemini,
        "converse": usage_from_anthropic,
        "cohere": usage_from_anthropic,
    }
)
