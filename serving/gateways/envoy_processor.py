"""Envoy's ExternalProcessor on the gRPC port: each stream is one HTTP exchange, and none fails because of us."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Protocol

import grpc

from serving.decision.errors import ThinkgateError
from serving.gateways.envoy_exchange import Answer, Exchange, ExchangeServices
from serving.grpc_api.codec import message_reader
from serving.grpc_api.servicers import Context, log_place
from serving.journal.rows import OutcomeRow
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.schemas.problems import Problem

EXTERNAL_PROCESSOR: Final = "envoy.service.ext_proc.v3.ExternalProcessor"

logger = logging.getLogger("thinkgate.ext_proc")

_MAX_WAITING: Final = 1000
_NEUTRAL: Final = {
    "request_headers": Answer(request_headers=pb.HeadersResponse()),
    "response_headers": Answer(response_headers=pb.HeadersResponse()),
    "request_body": Answer(request_body=pb.BodyResponse()),
    "response_body": Answer(response_body=pb.BodyResponse()),
    "request_trailers": Answer(request_trailers=pb.TrailersResponse()),
    "response_trailers": Answer(response_trailers=pb.TrailersResponse()),
}
"""What lets a message pass as it is."""


class OutcomeReporter(Protocol):
    """Takes outcomes."""

    async def report(self, rows: Sequence[OutcomeRow], *, patient: bool = False) -> int:
        """Return once they are durable; `patient`: nobody waits for that."""
        ...


class ExtProcServicer:
    """What `ExternalProcessor` does.

    Parameters
    ----------
    tools
        What each exchange works with.
    desk
        Where outcomes are handed in; None where nobody takes them.
    """

    def __init__(self, tools: ExchangeServices, desk: OutcomeReporter | None) -> None:
        self._tools = tools
        self._desk = desk
        self._reports: set[asyncio.Task[None]] = set()
        self.lost_outcomes = 0
        """Outcomes that could be handed in nowhere."""

    def handler(self) -> grpc.GenericRpcHandler:
        """Give what a server registers."""
        process = grpc.stream_stream_rpc_method_handler(self.process, message_reader(pb.ProcessingRequest), _write)
        return grpc.method_handlers_generic_handler(EXTERNAL_PROCESSOR, {"Process": process})

    async def process(self, messages: AsyncIterator[pb.ProcessingRequest | Problem], context: Context) -> Any:
        """Answer the messages of one stream."""
        exchange = Exchange(self._tools, reports=self._desk is not None)
        try:
            async for message in messages:
                if isinstance(message, Problem):
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, message.detail)
                elif (answer := self._answer(exchange, message)) is not None:
                    yield answer
        finally:
            self._report(exchange)

    async def start(self) -> None:
        """Do nothing: the gRPC server listens."""

    async def stop(self, seconds: float) -> None:
        """Wait for outcomes that are being handed in."""
        if self._reports:
            await asyncio.wait(self._reports, timeout=seconds)

    def _answer(self, exchange: Exchange, message: pb.ProcessingRequest) -> Answer | None:
        kind = message.WhichOneof("request")
        if kind is None:
            return None
        act = getattr(exchange, kind, None)
        if act is None:
            return _NEUTRAL[kind]
        try:
            answer: Answer = act(getattr(message, kind))
        except Exception as error:
            log_place(error)
            return _NEUTRAL[kind]
        return answer

    def _report(self, exchange: Exchange) -> None:
        outcome = exchange.outcome()
        if outcome is None or self._desk is None:
            return
        if len(self._reports) >= _MAX_WAITING:
            self.lost_outcomes += 1
            return
        # A task of its own: Envoy may reset the stream as soon as it has the last answer.
        task = asyncio.get_running_loop().create_task(self._hand_in(self._desk, outcome))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _hand_in(self, desk: OutcomeReporter, outcome: OutcomeRow) -> None:
        try:
            await desk.report((outcome,), patient=True)
        except ThinkgateError as error:
            self.lost_outcomes += 1
            if self.lost_outcomes & (self.lost_outcomes - 1) == 0:  # the 1st, 2nd, 4th, 8th ...
                logger.warning("%d outcome(s) lost: %s", self.lost_outcomes, error)


def _write(answer: Answer) -> bytes:
    return answer.SerializeToString()
