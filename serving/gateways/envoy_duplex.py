"""Bodies in Envoy's mode FULL_DUPLEX_STREAMED: held until decided on, or given back piece by piece.

In this mode the proxy keeps no copy of what it sent: a piece that is not given back is lost. The answer to the headers
of a request is held together with its body, for only that answer can change headers and route. What is not read, and
what turns out larger than the limit, is given back as it came (ADR 0037).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Final

from serving.gateways.envoy_exchange import Exchange
from serving.gateways.envoy_reply import Answer
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.service import error_location

logger = logging.getLogger("thinkgate.ext_proc")

PIECE_BYTES: Final = 64 * 1024
"""Largest piece of a body that is given back at once: what Envoy's API recommends."""


class DuplexRequest:
    """The request's direction: holds headers and body of a model call, then gives back what was decided.

    Parameters
    ----------
    exchange
        Decides.
    max_body_bytes
        Larger bodies are given back unread, from the moment at which they are seen to be larger.
    """

    def __init__(self, exchange: Exchange, max_body_bytes: int) -> None:
        self._exchange = exchange
        self._max_body_bytes = max_body_bytes
        self._headers: Answer | None = None
        """The answer to the headers, while it is held."""
        self._held = bytearray()
        self._ended = False

    def answers(self, kind: str, message: pb.ProcessingRequest) -> Sequence[Answer]:
        """Answer a message of this direction, or hold it."""
        if kind == "request_headers":
            return self._begin(message.request_headers)
        if kind == "request_trailers":
            self._ended = True
            trailers = Answer(request_trailers=pb.TrailersResponse())
            return (*self._finish(end_of_stream=False), trailers)
        body = message.request_body
        if self._ended:
            return ()  # some releases of Envoy repeat the last piece of a large body (envoyproxy/envoy#46237)
        self._ended = body.end_of_stream
        if self._headers is None:
            return (_piece("request_body", body.body, body.end_of_stream),)
        self._held += body.body
        if len(self._held) > self._max_body_bytes:
            self._exchange.leave_unread()
            return self._release(Answer(), body.end_of_stream)
        return self._finish(end_of_stream=True) if body.end_of_stream else ()

    def _begin(self, headers: pb.HttpHeaders) -> Sequence[Answer]:
        try:
            answer = self._exchange.request_headers(headers)
            hold = self._exchange.wants_body
        except Exception as error:
            logger.error("a call failed: %s", error_location(error))
            answer, hold = Answer(request_headers=pb.HeadersResponse()), False
        # This direction's mode can't be changed any more; the reply's may.
        answer.mode_override.request_body_mode = pb.ProcessingMode.FULL_DUPLEX_STREAMED
        answer.mode_override.request_trailer_mode = pb.ProcessingMode.SEND
        if not hold:
            return (answer,)
        self._headers = answer
        return ()

    def _finish(self, *, end_of_stream: bool) -> Sequence[Answer]:
        """Decide on what is held, and give it back."""
        if self._headers is None:
            return ()
        try:
            decided = self._exchange.request_body(pb.HttpBody(body=bytes(self._held), end_of_stream=True))
        except Exception as error:
            logger.error("a call failed: %s", error_location(error))
            decided = Answer()
        return self._release(decided, end_of_stream)

    def _release(self, decided: Answer, end_of_stream: bool) -> Sequence[Answer]:
        assert self._headers is not None, "released while it is held"
        headers, body = self._headers, bytes(self._held)
        self._headers = None
        self._held = bytearray()
        if decided.HasField("immediate_response"):
            return (decided,)
        change = decided.request_body.response
        if change.body_mutation.HasField("body"):
            body = change.body_mutation.body
        common = headers.request_headers.response
        common.header_mutation.MergeFrom(change.header_mutation)
        common.clear_route_cache = common.clear_route_cache or change.clear_route_cache
        return (headers, *_pieces(body, end_of_stream))


class DuplexReply:
    """The reply's direction: each piece is read beside its way and given back at once."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._ended = False

    def answers(self, kind: str, message: pb.ProcessingRequest) -> Sequence[Answer]:
        """Answer a message of this direction."""
        if kind == "response_headers":
            return (self._begin(message.response_headers),)
        if kind == "response_trailers":
            return (Answer(response_trailers=pb.TrailersResponse()),)
        if self._ended:
            return ()
        body = message.response_body
        self._ended = body.end_of_stream
        try:
            answer = self._exchange.response_body(body)
        except Exception as error:
            logger.error("a call failed: %s", error_location(error))
            answer = Answer()
        mutation = answer.response_body.response.body_mutation
        changed = mutation.body if mutation.WhichOneof("mutation") is not None else body.body
        return (_piece("response_body", changed, body.end_of_stream),)

    def _begin(self, headers: pb.HttpHeaders) -> Answer:
        try:
            answer = self._exchange.response_headers(headers)
        except Exception as error:
            logger.error("a call failed: %s", error_location(error))
            answer = Answer(response_headers=pb.HeadersResponse())
        answer.ClearField("mode_override")
        return answer


def _pieces(body: bytes, end_of_stream: bool) -> Iterator[Answer]:
    last = max(len(body) - 1, 0) // PIECE_BYTES
    for place in range(last + 1):
        piece = body[place * PIECE_BYTES : (place + 1) * PIECE_BYTES]
        yield _piece("request_body", piece, end_of_stream and place == last)


def _piece(direction: str, body: bytes, end_of_stream: bool) -> Answer:
    answer = Answer()
    streamed = getattr(answer, direction).response.body_mutation.streamed_response
    streamed.body = body
    streamed.end_of_stream = end_of_stream
    return answer
