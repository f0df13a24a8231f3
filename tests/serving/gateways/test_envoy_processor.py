"""The ext_proc stream: whatever message arrives, in whatever order, is answered, whatever fails behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.gateways.envoy_processor import ExtProcServicer
from serving.gateways.envoy_reply import Answer
from serving.grpc_api.codec import message_reader
from serving.grpc_api.servicers import Context
from serving.journal.rows import OutcomeRow
from serving.journal.writer import JournalUnavailable
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.schemas.problems import Problem
from serving.service.decision_service import DecisionService
from tests.support.envoy_messages import CHAT, body, call_headers, exchange_services, header_map
from tests.support.fakes import BrokenDecider, make_service


async def _stream(calls: ExtProcServicer, messages: Sequence[pb.ProcessingRequest | Problem]) -> list[Answer]:
    async def come() -> AsyncIterator[pb.ProcessingRequest | Problem]:
        for message in messages:
            yield message

    answers = [answer async for answer in calls.process(come(), cast(Context, None))]
    await calls.stop(5.0)
    return answers


ROUND = [
    pb.ProcessingRequest(request_headers=call_headers()),
    pb.ProcessingRequest(request_body=body(CHAT)),
    pb.ProcessingRequest(request_trailers=pb.HttpTrailers()),
    pb.ProcessingRequest(response_headers=header_map(__status="200", content_type="application/json")),
    pb.ProcessingRequest(response_body=body({"usage": {"prompt_tokens": 1, "completion_tokens": 2}})),
    pb.ProcessingRequest(response_trailers=pb.HttpTrailers()),
]


class FullJournal:
    """Takes nothing: its disk is full."""

    def __init__(self) -> None:
        self.asked: list[OutcomeRow] = []

    async def report(self, rows: Sequence[OutcomeRow], *, deferred: bool = False) -> int:
        assert deferred
        self.asked += rows
        raise JournalUnavailable("no room")


def test_outcome_that_nobody_takes_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    reporter = FullJournal()
    calls = ExtProcServicer(exchange_services(), reporter)
    answers = asyncio.run(_stream(calls, ROUND))
    assert [answer.WhichOneof("response") for answer in answers] == [message.WhichOneof("request") for message in ROUND]
    assert [row.output_tokens for row in reporter.asked] == [2]
    assert calls.lost_outcomes == 1
    assert "no room" in caplog.text


def test_broken_engine_still_answers_with_a_fallback() -> None:
    calls = ExtProcServicer(exchange_services(make_service(BrokenDecider())), None)
    answers = asyncio.run(_stream(calls, ROUND))
    headers = {
        option.header.key: option.header.raw_value
        for option in answers[1].request_body.response.header_mutation.set_headers
    }
    assert headers["x-thinkgate-fallback"] == b"baseline"


def test_fault_of_ours_lets_the_message_pass(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(DecisionService):
        def identify(self, request: Any, *_: Any) -> Any:
            return request

        def answer(self, *_: Any) -> Any:
            raise RuntimeError("a secret word")

    faulty = cast(DecisionService, Faulty.__new__(Faulty))
    answers = asyncio.run(_stream(ExtProcServicer(exchange_services(faulty), None), ROUND[:2]))
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
    body=st.binary(max_size=30) | st.sampled_from([json.dumps(CHAT).encode(), b'{"messages": [[]]}', b"{}"]),
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
    calls = ExtProcServicer(exchange_services(), None)
    answers = asyncio.run(_stream(calls, messages))
    parts = [
        place
        for place, message in enumerate(messages)
        if message.HasField("request_body") and not message.request_body.end_of_stream
    ]
    heard = messages[: parts[0]] if parts else messages  # a part of a body ends the stream
    asked = [kind for message in heard if (kind := message.WhichOneof("request"))]
    assert [answer.WhichOneof("response") for answer in answers] == asked
