"""`OutcomeService`: outcomes over gRPC, with the checks, the problems and the promise that HTTP gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import grpc

from serving.grpc_api.servicers import Context, unary_handler
from serving.journal import JournalUnavailable
from serving.proto.thinkgate.v1 import outcome_pb2 as pb
from serving.schemas.limits import RequestLimits
from serving.schemas.outcome_codec import read_outcomes
from serving.schemas.problems import NO_JOURNAL, NOT_DURABLE, Problem, Rejected
from serving.service.outcome_service import NoJournal, OutcomeService

OUTCOMES: Final = "thinkgate.v1.OutcomeService"


class OutcomeServicer:
    """What `OutcomeService` does.

    Parameters
    ----------
    desk
        Where outcomes are handed in.
    clock
        Epoch seconds, for outcomes that state no time.
    """

    def __init__(self, desk: OutcomeService, limits: RequestLimits, clock: Callable[[], float]) -> None:
        self._desk, self._limits, self._clock = desk, limits, clock

    def handler(self) -> grpc.GenericRpcHandler:
        """Give what a server registers."""
        return grpc.method_handlers_generic_handler(OUTCOMES, {"Report": unary_handler(pb.ReportRequest, self.report)})

    async def report(self, message: pb.ReportRequest, _context: Context) -> pb.ReportResponse:
        """Answer `Report`: all of it or nothing, once it is durable."""
        raw = [{field.name: value for field, value in outcome.ListFields()} for outcome in message.outcomes]
        rows = read_outcomes(raw, self._limits.max_outcomes, self._clock)
        try:
            return pb.ReportResponse(accepted=await self._desk.report(rows))
        except NoJournal as error:
            raise Rejected(Problem(NO_JOURNAL, str(error))) from None
        except JournalUnavailable as error:
            raise Rejected(Problem(NOT_DURABLE, str(error))) from None
