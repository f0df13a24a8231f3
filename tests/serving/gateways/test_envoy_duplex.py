"""Bodies that are streamed both ways: every byte is given back, in order, and decided on where it fits."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.gateways.envoy_duplex import PIECE_BYTES
from serving.gateways.envoy_exchange import Exchange
from serving.gateways.envoy_reply import Answer
from serving.gateways.envoy_stream import ExtProcStream
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.service.decision_service import DecisionService
from tests.support.envoy_messages import CHAT, call_headers, exchange_services, header_map
from tests.support.fakes import BrokenDecider, make_service

DUPLEX = pb.ProcessingMode.FULL_DUPLEX_STREAMED
CONFIG = pb.ProtocolConfiguration(request_body_mode=DUPLEX, response_body_mode=DUPLEX)
RAW = json.dumps(CHAT).encode()


def open_stream(decision_service: DecisionService | None = None) -> ExtProcStream:
    services = exchange_services(decision_service)
    return ExtProcStream(Exchange(services), services.max_body_bytes)


def begin(stream: ExtProcStream, headers: pb.HttpHeaders) -> Sequence[Answer]:
    return stream.answers(pb.ProcessingRequest(request_headers=headers, protocol_config=CONFIG))


def send(stream: ExtProcStream, piece: bytes, *, last: bool = False) -> Sequence[Answer]:
    return stream.answers(pb.ProcessingRequest(request_body=pb.HttpBody(body=piece, end_of_stream=last)))


def given_back(answers: Sequence[Answer]) -> bytes:
    pieces = [answer.request_body.response.body_mutation for answer in answers if answer.HasField("request_body")]
    assert all(piece.WhichOneof("mutation") == "streamed_response" for piece in pieces)
    return b"".join(piece.streamed_response.body for piece in pieces)


def ends(answers: Sequence[Answer]) -> list[bool]:
    return [
        answer.request_body.response.body_mutation.streamed_response.end_of_stream
        for answer in answers
        if answer.HasField("request_body")
    ]


def test_headers_wait_for_the_body_and_carry_the_decision() -> None:
    stream = open_stream()
    assert begin(stream, call_headers()) == ()
    assert send(stream, RAW[:10]) == ()
    headers, *pieces = send(stream, RAW[10:], last=True)
    names = [option.header.key for option in headers.request_headers.response.header_mutation.set_headers]
    assert "x-thinkgate-arm" in names
    assert json.loads(given_back(pieces)) == {**CHAT, "reasoning_effort": "none"}
    assert ends(pieces) == [True]


def test_last_piece_that_comes_twice_is_left_out() -> None:
    stream = open_stream()
    begin(stream, call_headers())
    assert send(stream, RAW, last=True)
    assert send(stream, RAW, last=True) == ()


def test_trailers_end_the_body() -> None:
    stream = open_stream()
    begin(stream, call_headers())
    send(stream, RAW)
    answers = stream.answers(pb.ProcessingRequest(request_trailers=pb.HttpTrailers()))
    assert [answer.WhichOneof("response") for answer in answers] == [
        "request_headers",
        "request_body",
        "request_trailers",
    ]
    assert ends(answers) == [False]
    assert "reasoning_effort" in json.loads(given_back(answers))


@pytest.mark.parametrize(
    "headers",
    [
        call_headers("/v1/embeddings"),
        call_headers(content_length="1001"),
        header_map(__method="GET", __path="/v1/chat/completions"),
    ],
)
def test_what_is_not_read_is_given_back_piece_by_piece(headers: pb.HttpHeaders) -> None:
    stream = open_stream()
    (answer,) = begin(stream, headers)
    assert answer.WhichOneof("response") == "request_headers"
    for piece, last in ((b"ab", False), (b"", False), (b"cd", True)):
        answers = send(stream, piece, last=last)
        assert (given_back(answers), ends(answers)) == (piece, [last])


@given(st.lists(st.binary(max_size=700), max_size=9), st.booleans())
def test_every_byte_comes_back_whatever_the_pieces(pieces: list[bytes], model_call: bool) -> None:
    stream = open_stream(make_service(BrokenDecider()))
    answers = list(begin(stream, call_headers("/v1/messages" if model_call else "/v1/files")))
    for place, piece in enumerate(pieces):
        answers += send(stream, piece, last=place == len(pieces) - 1)
    assert [answer.WhichOneof("response") for answer in answers[:1]] == ["request_headers"] * bool(pieces or answers)
    assert given_back(answers) == b"".join(pieces)
    assert ends(answers).count(True) == (1 if pieces else 0)
    assert not pieces or ends(answers)[-1]


def test_large_body_is_given_back_in_pieces_that_envoy_recommends() -> None:
    services = exchange_services()
    stream = ExtProcStream(Exchange(services), 10 * PIECE_BYTES)
    begin(stream, call_headers())
    raw = bytes(range(256)) * (PIECE_BYTES // 64)
    answers = send(stream, raw, last=True)
    assert given_back(answers) == raw
    assert ends(answers) == [False, False, False, True]


def test_fault_of_ours_gives_everything_back(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(Exchange):
        def request_body(self, message: pb.HttpBody) -> Answer:
            raise RuntimeError("a secret word")

        def response_headers(self, message: pb.HttpHeaders) -> Answer:
            raise RuntimeError("a secret word")

        def response_body(self, message: pb.HttpBody) -> Answer:
            raise RuntimeError("a secret word")

    stream = ExtProcStream(Faulty(exchange_services()), 1000)
    begin(stream, call_headers())
    headers, piece = send(stream, RAW, last=True)
    assert headers.WhichOneof("response") == "request_headers"
    assert given_back([piece]) == RAW
    stream.answers(pb.ProcessingRequest(response_headers=header_map(__status="200")))
    (reply,) = stream.answers(pb.ProcessingRequest(response_body=pb.HttpBody(body=b"abc", end_of_stream=True)))
    assert reply.response_body.response.body_mutation.streamed_response.body == b"abc"
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_reply_is_read_and_given_back() -> None:
    services = exchange_services()
    exchange = Exchange(services)
    stream = ExtProcStream(exchange, 1000)
    begin(stream, call_headers())
    send(stream, RAW, last=True)
    (answer,) = stream.answers(
        pb.ProcessingRequest(response_headers=header_map(__status="200", content_type="application/json"))
    )
    assert not answer.HasField("mode_override")
    raw = json.dumps({"usage": {"prompt_tokens": 1, "completion_tokens": 2}}).encode()
    for piece, last in ((raw[:7], False), (raw[7:], True)):
        (given,) = stream.answers(pb.ProcessingRequest(response_body=pb.HttpBody(body=piece, end_of_stream=last)))
        streamed = given.response_body.response.body_mutation.streamed_response
        assert (streamed.body, streamed.end_of_stream) == (piece, last)
    assert stream.answers(pb.ProcessingRequest(response_body=pb.HttpBody(body=b"again", end_of_stream=True))) == ()
    outcome = exchange.outcome()
    assert outcome is not None
    assert outcome.output_tokens == 2
