"""Envoy's ExternalProcessor service on the gRPC port: one stream is one HTTP exchange, and never fails it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Protocol

import grpc

from serving.decision import ThinkgateError
from serving.gateways.envoy_exchange import Exchange
from serving.gateways.envoy_reply import Answer, ExchangeServices
from serving.gateways.envoy_stream import ExtProcStream
from serving.grpc_api import Context, message_reader
from serving.journal import OutcomeRow
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.schemas import Problem

EXTERNAL_PROCESSOR: Final = "envoy.service.ext_proc.v3.ExternalProcessor"

logger = logging.getLogger("thinkgate.ext_proc")

_MAX_REPORTS: Final = 1000


class OutcomeReporter(Protocol):
    """Takes outcomes."""

    async def report(self, rows: Sequence[OutcomeRow], *, deferred: bool = False) -> int:
        """Return once they are durable; `deferred`: nobody waits for that, so they may be written in a batch."""
        ...


class ExtProcServicer:
    """The gRPC service `ExternalProcessor`.

    Parameters
    ----------
    services
        What all exchanges share.
    outcome_reporter
        Takes outcomes; None where the server keeps no journal.
    """

    def __init__(self, services: ExchangeServices, outcome_reporter: OutcomeReporter | None) -> None:
        self._services = services
        self._outcome_reporter = outcome_reporter
        self._reports: set[asyncio.Task[None]] = set()
        self.lost_outcomes = 0
        """Outcomes that could not be reported."""

    def handler(self) -> grpc.GenericRpcHandler:
        """Give the handler that a server registers."""
        process = grpc.stream_stream_rpc_method_handler(self.process, message_reader(pb.ProcessingRequest), _serialize)
        return grpc.method_handlers_generic_handler(EXTERNAL_PROCESSOR, {"Process": process})

    async def process(self, messages: AsyncIterator[pb.ProcessingRequest | Problem], context: Context) -> Any:
        """Answer the messages of one stream."""
        exchange = Exchange(self._services, read_replies=self._outcome_reporter is not None)
        stream = ExtProcStream(exchange, self._services.max_body_bytes)
        try:
            async for message in messages:
                if isinstance(message, Problem):
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, message.detail)
                for answer in stream.answers(message):
                    yield answer
                if stream.is_over:
                    return
        finally:
            self._start_report(exchange)

    async def start(self) -> None:
        """Do nothing: the gRPC server listens."""

    async def stop(self, seconds: float) -> None:
        """Wait for reports that are under way."""
        if self._reports:
            await asyncio.wait(self._reports, timeout=seconds)

    def _start_report(self, exchange: Exchange) -> None:
        outcome = exchange.outcome()
        if outcome is None or self._outcome_reporter is None:
            return
        if len(self._reports) >= _MAX_REPORTS:
            self.lost_outcomes += 1
            return
        # A task of its own: Envoy may reset the stream as soon as it has the last answer.
        task = asyncio.get_running_loop().create_task(self._report_outcome(self._outcome_reporter, outcome))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _report_outcome(self, outcome_reporter: OutcomeReporter, outcome: OutcomeRow) -> None:
        try:
            await outcome_reporter.report((outcome,), deferred=True)
        except ThinkgateError as error:
            self.lost_outcomes += 1
            if self.lost_outcomes & (self.lost_outcomes - 1) == 0:  # the 1st, 2nd, 4th, 8th ...
                logger.warning("%d outcome(s) lost: %s", self.lost_outcomes, error)


def _serialize(answer: Answer) -> bytes:
    return answer.SerializeToString()
