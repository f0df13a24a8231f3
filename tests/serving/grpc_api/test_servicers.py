"""The gRPC servicers: deadlines, problems as trailers, outcomes, and bytes that are no message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.selection.arm_scoring import EveryArmDenied
from serving.decision.selection.runtime_state import NEUTRAL, RuntimeState
from serving.decision.types import Decision, Request
from serving.grpc_api.codec import message_reader
from serving.grpc_api.servicers import DECISIONS, PROBLEM_TRAILER, Context, DecisionServicer, OutcomeServicer
from serving.journal.rows import DecisionRow
from serving.journal.store import Store
from serving.journal.writer import Journal
from serving.proto.thinkgate.v1 import decision_pb2 as pb
from serving.proto.thinkgate.v1 import outcome_pb2
from serving.schemas.limits import RequestLimits
from serving.schemas.problems import Problem, Rejected
from serving.service.error_problems import CALL_ERRORS, problem_of
from serving.service.outcome_service import NoJournal, OutcomeService, RecentDecisions
from tests.support.fakes import LengthDecider, make_service

HI_MESSAGE = pb.DecideRequest(prompt="Hi")


@dataclass
class Caller:
    """The part of a gRPC context that says how much time the caller has left, by a clock that is set by hand."""

    seconds: float | None
    now: float = 0.0

    def time_remaining(self) -> float | None:
        return None if self.seconds is None else self.seconds - self.now

    def clock(self) -> float:
        return self.now


def context(seconds: float | None) -> Context:
    return cast(Context, Caller(seconds))


class SlowDecider(LengthDecider):
    """Takes 30 ms of a caller's time for every decision."""

    def __init__(self, caller: Caller) -> None:
        super().__init__()
        self.caller = caller

    def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
        self.caller.now += 0.03
        return super().decide(request, runtime_state)


def test_late_call_gets_a_marked_fallback_and_no_error() -> None:
    decider = LengthDecider()
    calls = DecisionServicer(make_service(decider), RequestLimits())
    late = asyncio.run(calls.decide(HI_MESSAGE, context(0.001)))
    assert (late.fallback, late.arm, decider.seen) == ("baseline", "direct", [])
    assert "deadline" in late.reason
    for seconds in (None, 5.0):
        answer = asyncio.run(calls.decide(HI_MESSAGE, context(seconds)))
        assert not answer.HasField("fallback")


def test_late_call_obeys_the_rules_too() -> None:
    class Denying(LengthDecider):
        def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
            raise EveryArmDenied("rule 1 leaves no arm")

    prior = Denying()
    calls = DecisionServicer(make_service(Denying(), "prior", prior), RequestLimits())
    for seconds in (0.001, 5.0):
        with pytest.raises(EveryArmDenied):
            asyncio.run(calls.decide(HI_MESSAGE, context(seconds)))
    batch = pb.DecideBatchRequest(requests=[HI_MESSAGE])
    (result,) = asyncio.run(calls.decide_batch(batch, context(5.0))).results
    assert (result.problem.status, result.problem.detail) == (403, "rule 1 leaves no arm")


def test_batch_stops_asking_the_model_when_time_is_short() -> None:
    caller = Caller(0.5)
    calls = DecisionServicer(make_service(SlowDecider(caller)), RequestLimits(), caller.clock)
    batch = pb.DecideBatchRequest(requests=[pb.DecideRequest(prompt="Hi")] * 40)
    answer = asyncio.run(calls.decide_batch(batch, cast(Context, caller)))
    marks = [result.decision.fallback for result in answer.results]
    assert marks == [""] * 16 + ["baseline"] * 24
    assert 0.0 < (caller.time_remaining() or 0.0) < 0.05


def ask_server(
    servicer: DecisionServicer | OutcomeServicer, ask: Callable[[grpc.aio.Channel], Awaitable[None]]
) -> None:
    """Serve over a real channel while `ask` runs."""

    async def run() -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((servicer.handler(),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await ask(channel)
        finally:
            await server.stop(0)

    asyncio.run(asyncio.wait_for(run(), 30))


async def problem_of_call(channel: grpc.aio.Channel, raw: bytes) -> tuple[grpc.StatusCode, pb.Problem]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await channel.unary_unary(f"/{DECISIONS}/Decide")(raw)
    trailers = dict(refused.value.trailing_metadata() or ())
    return refused.value.code(), pb.Problem.FromString(cast(bytes, trailers[PROBLEM_TRAILER]))


def test_refusals_have_a_status_and_the_problem_as_a_trailer() -> None:
    class Denying(LengthDecider):
        def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
            raise EveryArmDenied("rule 1 leaves no arm")

    async def ask(channel: grpc.aio.Channel) -> None:
        code, problem = await problem_of_call(channel, HI_MESSAGE.SerializeToString())
        assert (code, problem.status, problem.detail) == (
            grpc.StatusCode.PERMISSION_DENIED,
            403,
            "rule 1 leaves no arm",
        )
        code, problem = await problem_of_call(channel, b"\xff\xff\xff\xff")
        assert (code, problem.status) == (grpc.StatusCode.INVALID_ARGUMENT, 422)

    ask_server(DecisionServicer(make_service(Denying()), RequestLimits()), ask)


def test_fault_of_the_server_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(DecisionServicer):
        async def decide(self, message: pb.DecideRequest, context: Context) -> pb.DecideResponse:
            raise RuntimeError(message.prompt)

    async def ask(channel: grpc.aio.Channel) -> None:
        code, problem = await problem_of_call(channel, pb.DecideRequest(prompt="secret").SerializeToString())
        assert (code, problem.status) == (grpc.StatusCode.INTERNAL, 500)
        assert "secret" not in problem.detail

    ask_server(Faulty(make_service(LengthDecider()), RequestLimits()), ask)
    assert "RuntimeError in decide" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("count", [0, 4])
def test_batch_of_the_wrong_size_is_refused(count: int) -> None:
    calls = DecisionServicer(make_service(LengthDecider()), RequestLimits(max_batch=3))
    with pytest.raises(Rejected) as refused:
        asyncio.run(calls.decide_batch(pb.DecideBatchRequest(requests=[HI_MESSAGE] * count), context(None)))
    assert [fault.pointer for fault in refused.value.problem.faults] == ["#/requests"]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(Store(f"sqlite:///{tmp_path / 'j.db'}"), tmp_path / "spool")
    yield journal
    journal.close()


def _find_nothing(_ids: Sequence[str]) -> Sequence[DecisionRow]:
    return ()


def outcome_calls(journal: Journal | None) -> OutcomeServicer:
    service = OutcomeService(journal, RecentDecisions(), _find_nothing)
    return OutcomeServicer(service, RequestLimits(max_outcomes=2), lambda: 50.0)


def report(*outcomes: outcome_pb2.Outcome) -> outcome_pb2.ReportRequest:
    return outcome_pb2.ReportRequest(outcomes=outcomes)


def test_outcomes_are_stored_with_the_fields_that_are_set(journal: Journal) -> None:
    message = report(outcome_pb2.Outcome(decision_id="a", success=0.0), outcome_pb2.Outcome(decision_id="b"))
    answer = asyncio.run(outcome_calls(journal).report(message, context(None)))
    assert answer.accepted == 2
    assert journal.stats().written_outcomes == 2


def test_report_is_taken_whole_or_not_at_all(journal: Journal) -> None:
    good = outcome_pb2.Outcome(decision_id="a")
    for bad in ([good, outcome_pb2.Outcome(decision_id="b", success=7.0)], [good] * 3, []):
        with pytest.raises(Rejected):
            asyncio.run(outcome_calls(journal).report(report(*bad), context(None)))
    assert journal.stats().written_outcomes == 0


def test_outcomes_without_a_journal_are_refused() -> None:
    with pytest.raises(NoJournal, match="--journal"):
        asyncio.run(outcome_calls(None).report(report(outcome_pb2.Outcome(decision_id="a")), context(None)))


CALLS = DecisionServicer(make_service(LengthDecider()), RequestLimits())
READ_ONE, READ_BATCH = message_reader(pb.DecideRequest), message_reader(pb.DecideBatchRequest)
PROTOS = st.builds(
    pb.DecideRequest,
    messages=st.lists(
        st.builds(pb.Message, role=st.sampled_from(["user", "tool", "king", ""]), text=st.text(max_size=9)), max_size=3
    ),
    prompt=st.none() | st.text(max_size=20),
    deadline_ms=st.none() | st.floats(),
    max_cost_usd=st.none() | st.floats(),
    client_effort=st.none() | st.sampled_from(["low", "huge"]),
    tools=st.integers(0, 2**32 - 1),
    headers=st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
).map(lambda message: message.SerializeToString())


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A message with some bytes changed, cut or doubled."""
    raw = bytearray(draw(PROTOS))
    for _ in range(draw(st.integers(0, 4))):
        if raw:
            raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(raw)))
    return bytes(raw[:cut] + raw[cut // 2 :])


@settings(max_examples=300)
@given(st.binary(max_size=200) | PROTOS | spoilt())
def test_no_bytes_break_the_calls(raw: bytes) -> None:
    one, batch = READ_ONE(raw), READ_BATCH(raw)

    async def ask() -> list[Any]:
        calls: list[Any] = []
        if not isinstance(one, Problem):
            calls.append(CALLS.decide(one, context(None)))
        if not isinstance(batch, Problem):
            calls.append(CALLS.decide_batch(batch, context(None)))
        return await asyncio.gather(*calls, return_exceptions=True)

    for answer in asyncio.run(ask()):
        if isinstance(answer, CALL_ERRORS):
            assert problem_of(answer).kind.status == 422
        else:
            assert isinstance(answer, pb.DecideResponse | pb.DecideBatchResponse)
