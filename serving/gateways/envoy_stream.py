"""One stream of Envoy's ext_proc protocol: the answers to each message, in whichever way the filter sends bodies.

Most body modes want one answer for each message; `FULL_DUPLEX_STREAMED` takes what was read off the wire, so each piece
of a body must be given back, and the headers may wait until the whole body was seen.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from serving.gateways.envoy_duplex import DuplexReply, DuplexRequest
from serving.gateways.envoy_exchange import Exchange
from serving.gateways.envoy_reply import Answer
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.service import error_location

logger = logging.getLogger("thinkgate.ext_proc")

_DUPLEX: Final = pb.ProcessingMode.FULL_DUPLEX_STREAMED
_UNCHANGED: Final = {
    "request_headers": Answer(request_headers=pb.HeadersResponse()),
    "response_headers": Answer(response_headers=pb.HeadersResponse()),
    "request_body": Answer(request_body=pb.BodyResponse()),
    "response_body": Answer(response_body=pb.BodyResponse()),
    "request_trailers": Answer(request_trailers=pb.TrailersResponse()),
    "response_trailers": Answer(response_trailers=pb.TrailersResponse()),
}
"""Answers that let a message pass unchanged."""


class ExtProcStream:
    """Answers the messages of one stream; a fault here lets the message pass.

    Parameters
    ----------
    exchange
        The HTTP exchange that is streamed.
    max_body_bytes
        How much of a request's body is held until it is decided on, at most.
    """

    def __init__(self, exchange: Exchange, max_body_bytes: int) -> None:
        self._exchange = exchange
        self._max_body_bytes = max_body_bytes
        self._request: DuplexRequest | None = None
        self._reply: DuplexReply | None = None
        self.is_over = False
        """Whether there is nothing more to say: the stream should be closed, and the call goes on as it came."""

    def answers(self, message: pb.ProcessingRequest) -> Sequence[Answer]:
        """Answer a message: once, or as often as its body mode asks for."""
        if message.HasField("protocol_config"):
            self._configure(message.protocol_config)
        kind = message.WhichOneof("request")
        if kind is None or message.observability_mode:
            return ()
        duplex = self._request if kind.startswith("request") else self._reply
        if duplex is not None:
            return duplex.answers(kind, message)
        if kind == "request_body" and not message.request_body.end_of_stream:
            # A part of a body can't be decided on. It is not answered: with BUFFERED_PARTIAL, Envoy 1.40 loses the end
            # of a body that arrives while it waits for the answer, and the call hangs (ADR 0035).
            self.is_over = True
            return ()
        act = getattr(self._exchange, kind, None)
        if act is None:
            return (_UNCHANGED[kind],)
        try:
            answer: Answer = act(getattr(message, kind))
        except Exception as error:
            logger.error("a call failed: %s", error_location(error))
            answer = _UNCHANGED[kind]
        return (answer,)

    def _configure(self, config: pb.ProtocolConfiguration) -> None:
        self._exchange.configured = config
        if config.request_body_mode == _DUPLEX:
            self._request = DuplexRequest(self._exchange, self._max_body_bytes)
        if config.response_body_mode == _DUPLEX:
            self._reply = DuplexReply(self._exchange)
