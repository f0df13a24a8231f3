"""ext_proc message by message: whatever arrives, in whatever order, is answered, whatever breaks behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.gateways.envoy_exchange import Answer, Exchange, ExchangeServices
from serving.gateways.envoy_processor import ExtProcServicer
from serving.grpc_api.codec import message_reader
from serving.grpc_api.servicers import Context
from serving.journal import JournalUnavailable
from serving.journal.rows import OutcomeRow
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.schemas.problems import Problem
from serving.service.decision_service import DecisionService
from tests.support.fakes import BrokenDecider, LengthDecider, guarded

BODY = {"model": "gpt-5.1", "messages": [{"role": "user", "content": "Hi"}]}
STREAMED = pb.ProcessingMode.STREAMED


def tools(guard: DecisionService | None = None) -> ExchangeServices:
    return ExchangeServices(guard or guarded(LengthDecider()), lambda: 5.0, lambda: 1.7e9, 1000)


def header_map(**told: str) -> pb.HttpHeaders:
    pairs = [(name.replace("_", "-").replace("--", ":"), value) for name, value in told.items()]
    headers = [pb.HeaderValue(key=name, raw_value=value.encode()) for name, value in pairs]
    return pb.HttpHeaders(headers=pb.HeaderMap(headers=headers))


def call(path: str = "/v1/chat/completions", **more: str) -> pb.HttpHeaders:
    return header_map(__method="POST", __path=path, content_type="application/json", **more)


def body(value: object, *, whole: bool = True) -> pb.HttpBody:
    return pb.HttpBody(body=json.dumps(value).encode(), end_of_stream=whole)


def reply(exchange: Exchange, status: str = "200") -> Answer:
    return exchange.response_headers(header_map(__status=status, content_type="application/json"))


@pytest.mark.parametrize(
    ("headers", "mode"),
    [
        (call(), pb.ProcessingMode.BUFFERED_PARTIAL),
        (call(content_length="1000"), pb.ProcessingMode.BUFFERED),
        (call(content_length="1001"), pb.ProcessingMode.NONE),
        (call(content_length="9" * 50), pb.ProcessingMode.NONE),
        (call("/v1/embeddings", content_length="10"), pb.ProcessingMode.NONE),
        (header_map(__method="GET", __path="/v1/responses"), pb.ProcessingMode.NONE),
        (header_map(), pb.ProcessingMode.NONE),
    ],
)
def test_bodies_are_asked_for_where_they_are_needed(headers: pb.HttpHeaders, mode: int) -> None:
    answer = Exchange(tools()).request_headers(headers)
    assert answer.mode_override.request_body_mode == mode
    assert answer.mode_override.response_body_mode == pb.ProcessingMode.NONE


def test_reply_is_read_only_where_a_decision_was_made() -> None:
    exchange = Exchange(tools())
    exchange.request_headers(call())
    exchange.request_body(body(BODY, whole=False))
    assert not reply(exchange).HasField("mode_override")
    assert exchange.outcome() is None
    exchange = Exchange(tools())
    exchange.request_headers(call())
    exchange.request_body(body(BODY))
    assert reply(exchange).mode_override.response_body_mode == STREAMED
    exchange.response_body(body({"model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 2}}))
    assert exchange.outcome() == OutcomeRow(
        "0" * 26,
        1.7e9,
        input_tokens=1,
        cached_input_tokens=0,
        output_tokens=2,
        reasoning_tokens=0,
        latency_ms=0.0,
        model="m",
    )
    assert exchange.outcome() is None


def test_replies_pass_unread_where_nobody_takes_outcomes() -> None:
    exchange = Exchange(tools(), reports=False)
    exchange.request_headers(call())
    exchange.request_body(body(BODY))
    answer = reply(exchange)
    assert answer.response_headers.response.header_mutation.set_headers  # the client is told all the same
    assert not answer.HasField("mode_override")
    assert exchange.outcome() is None


@pytest.mark.parametrize(("status", "told"), [("504", "timeout"), ("408", "timeout"), ("500", None), ("429", None)])
def test_only_timeouts_among_errors_are_outcomes(status: str, told: str | None) -> None:
    exchange = Exchange(tools())
    exchange.request_headers(call())
    exchange.request_body(body(BODY))
    assert not reply(exchange, status).HasField("mode_override")
    outcome = exchange.outcome()
    assert (outcome.failure_mode if outcome else None) == told


def test_reply_that_breaks_off_tells_no_latency() -> None:
    exchange = Exchange(tools())
    exchange.request_headers(call())
    exchange.request_body(body(BODY))
    reply(exchange)
    exchange.response_body(body({"choices": []}, whole=False))
    assert exchange.outcome() is None


async def _stream(calls: ExtProcServicer, messages: Sequence[pb.ProcessingRequest | Problem]) -> list[Answer]:
    async def come() -> AsyncIterator[pb.ProcessingRequest | Problem]:
        for message in messages:
            yield message

    answers = [answer async for answer in calls.process(come(), cast(Context, None))]
    await calls.stop(5.0)
    return answers


ROUND = [
    pb.ProcessingRequest(request_headers=call()),
    pb.ProcessingRequest(request_body=body(BODY)),
    pb.ProcessingRequest(request_trailers=pb.HttpTrailers()),
    pb.ProcessingRequest(response_headers=header_map(__status="200", content_type="application/json")),
    pb.ProcessingRequest(response_body=body({"usage": {"prompt_tokens": 1, "completion_tokens": 2}})),
    pb.ProcessingRequest(response_trailers=pb.HttpTrailers()),
]


class FullDesk:
    """Takes nothing: its disk is full."""

    def __init__(self) -> None:
        self.asked: list[OutcomeRow] = []

    async def report(self, rows: Sequence[OutcomeRow], *, patient: bool = False) -> int:
        assert patient
        self.asked += rows
        raise JournalUnavailable("no room")


def test_outcome_that_nobody_takes_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    desk = FullDesk()
    calls = ExtProcServicer(tools(), desk)
    answers = asyncio.run(_stream(calls, ROUND))
    assert [answer.WhichOneof("response") for answer in answers] == [message.WhichOneof("request") for message in ROUND]
    assert [row.output_tokens for row in desk.asked] == [2]
    assert calls.lost_outcomes == 1
    assert "no room" in caplog.text


def test_broken_engine_still_answers_with_a_fallback() -> None:
    calls = ExtProcServicer(tools(guarded(BrokenDecider())), None)
    answers = asyncio.run(_stream(calls, ROUND))
    told = {
        option.header.key: option.header.raw_value
        for option in answers[1].request_body.response.header_mutation.set_headers
    }
    assert told["x-thinkgate-fallback"] == b"baseline"


def test_fault_of_ours_lets_the_message_pass(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(DecisionService):
        def decide(self, *_: Any) -> Any:
            raise RuntimeError("a secret word")

    faulty = cast(DecisionService, Faulty.__new__(Faulty))
    answers = asyncio.run(_stream(ExtProcServicer(tools(faulty), None), ROUND[:2]))
    assert answers[1] == Answer(request_body=pb.BodyResponse())
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


READ = message_reader(pb.ProcessingRequest)
NAMES = [":method", ":path", ":status", "content-type", "content-length", "x-thinkgate-arm"]
HEADERS = st.builds(
    pb.HttpHeaders,
    headers=st.builds(
        pb.HeaderMap,
        headers=st.lists(
            st.builds(
                pb.HeaderValue,
                key=st.sampled_from(
                    [":method", ":path", ":status", "content-type", "content-length", "x-thinkgate-arm"]
                )
                | st.text(max_size=4),
                raw_value=st.sampled_from([b"POST", b"/v1/messages", b"200", b"application/json", b"7", b"\xff"]),
            ),
            max_size=6,
        ),
    ),
    end_of_stream=st.booleans(),
)
CONTENTS = st.builds(
    pb.HttpBody,
    body=st.binary(max_size=30) | st.sampled_from([json.dumps(BODY).encode(), b'{"messages": [[]]}', b"{}"]),
    end_of_stream=st.booleans(),
)
MESSAGES = st.one_of(
    st.builds(pb.ProcessingRequest, request_headers=HEADERS),
    st.builds(pb.ProcessingRequest, response_headers=HEADERS),
    st.builds(pb.ProcessingRequest, request_body=CONTENTS),
    st.builds(pb.ProcessingRequest, response_body=CONTENTS),
    st.binary(max_size=40).map(READ).filter(lambda message: not isinstance(message, Problem)),
)


@given(st.lists(MESSAGES, max_size=7))
def test_every_message_is_answered_in_kind(messages: list[pb.ProcessingRequest]) -> None:
    calls = ExtProcServicer(tools(), None)
    answers = asyncio.run(_stream(calls, messages))
    asked = [kind for message in messages if (kind := message.WhichOneof("request"))]
    assert [answer.WhichOneof("response") for answer in answers] == asked
