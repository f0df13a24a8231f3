"""Asks for the token usage of a streamed chat reply, and takes the event that answers it out of the stream again.

A stream of OpenAI's chat format has no usage unless `stream_options.include_usage` asks for it. It then comes in one
more event without choices, which a client that did not ask may not expect (ADR 0039).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from serving.decision.providers import Api

_MAX_EVENT_BYTES: Final = 2**20
"""Longest event that is waited for; with a longer one the rest of the stream passes as it comes."""
_EVENT_END: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")


def with_usage_asked(body: Mapping[str, Any], api: Api) -> dict[str, Any] | None:
    """Give the body that asks for usage; None where it is no streamed chat call, or says itself whether to send it.

    Examples
    --------
    >>> with_usage_asked({"stream": True}, "chat")
    {'stream': True, 'stream_options': {'include_usage': True}}
    >>> with_usage_asked({"stream": True, "stream_options": {"include_usage": False}}, "chat")
    """
    options = body.get("stream_options")
    options = {} if options is None else options
    if api != "chat" or body.get("stream") is not True or not isinstance(options, dict) or "include_usage" in options:
        return None
    return {**body, "stream_options": {**options, "include_usage": True}}


class UsageEventRemover:
    """Takes the event of the usage out of a stream; any other event passes once it is complete."""

    def __init__(self) -> None:
        self._pending = b""
        self._gave_up = False

    def feed(self, piece: bytes, *, last: bool) -> bytes:
        """Give what may pass: all complete events but the one of the usage; at the end what is left."""
        if self._gave_up:
            return piece
        data, passed, start = self._pending + piece, [], 0
        # An end that was not there before can't begin earlier than three bytes before the new piece.
        search_from = max(len(self._pending) - 3, 0)
        while (end := _EVENT_END.search(data, max(search_from, start))) is not None:
            if not _is_usage(event := data[start : end.end()]):
                passed.append(event)
            start = end.end()
        self._pending = data[start:]
        self._gave_up = last or len(self._pending) > _MAX_EVENT_BYTES
        if self._gave_up and not (last and _is_usage(self._pending)):
            passed.append(self._pending)
        return b"".join(passed)


def _is_usage(event: bytes) -> bool:
    if b'"usage"' not in event:
        return False
    lines = event.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    try:
        value = orjson.loads(b"\n".join(line[5:] for line in lines if line.startswith(b"data:")))
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and value.get("choices") == [] and isinstance(value.get("usage"), dict)
