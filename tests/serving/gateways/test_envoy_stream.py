"""One stream: the body modes that the filter names decide how messages are answered."""

from __future__ import annotations

import pytest

from serving.gateways.envoy_exchange import Exchange
from serving.gateways.envoy_stream import ExtProcStream
from serving.proto.envoy import ext_proc_pb2 as pb
from tests.support.envoy_messages import CHAT, body, call_headers, exchange_services

MODES = pb.ProcessingMode


def open_stream() -> ExtProcStream:
    services = exchange_services()
    return ExtProcStream(Exchange(services), services.max_body_bytes)


@pytest.mark.parametrize("mode", [MODES.NONE, MODES.STREAMED, MODES.BUFFERED, MODES.BUFFERED_PARTIAL])
def test_modes_but_full_duplex_get_one_answer_a_message(mode: pb.ProcessingMode.BodySendMode) -> None:
    stream = open_stream()
    config = pb.ProtocolConfiguration(request_body_mode=mode, response_body_mode=mode)
    (headers,) = stream.answers(pb.ProcessingRequest(request_headers=call_headers(), protocol_config=config))
    assert headers.WhichOneof("response") == "request_headers"
    (whole,) = stream.answers(pb.ProcessingRequest(request_body=body(CHAT)))
    assert whole.request_body.response.body_mutation.body
    (trailers,) = stream.answers(pb.ProcessingRequest(request_trailers=pb.HttpTrailers()))
    assert trailers.WhichOneof("response") == "request_trailers"


def test_each_direction_has_its_own_mode() -> None:
    stream = open_stream()
    config = pb.ProtocolConfiguration(request_body_mode=MODES.FULL_DUPLEX_STREAMED, response_body_mode=MODES.STREAMED)
    assert stream.answers(pb.ProcessingRequest(request_headers=call_headers(), protocol_config=config)) == ()
    assert len(stream.answers(pb.ProcessingRequest(request_body=body(CHAT)))) == 2
    (reply,) = stream.answers(pb.ProcessingRequest(response_body=body({})))
    assert not reply.response_body.response.body_mutation.HasField("streamed_response")


def test_a_body_in_pieces_is_not_decided_on_by_its_last_piece() -> None:
    """STREAMED: the last piece may read as a whole body, but the first is on its way already."""
    exchange = Exchange(exchange_services())
    exchange.request_headers(call_headers())
    exchange.request_body(body([], whole=False))
    assert not exchange.request_body(body(CHAT)).request_body.HasField("response")


def test_stream_is_over_with_a_part_of_a_body() -> None:
    """Envoy 1.40 hangs where such a part is answered and the rest comes meanwhile; it goes on where the stream ends."""
    stream = open_stream()
    stream.answers(pb.ProcessingRequest(request_headers=call_headers()))
    assert not stream.is_over
    assert stream.answers(pb.ProcessingRequest(request_body=body(CHAT, whole=False))) == ()
    assert stream.is_over


def test_one_stream_is_one_decision() -> None:
    stream = open_stream()
    stream.answers(pb.ProcessingRequest(request_headers=call_headers()))
    (first,) = stream.answers(pb.ProcessingRequest(request_body=body(CHAT)))
    (second,) = stream.answers(pb.ProcessingRequest(request_body=body(CHAT)))
    assert first.request_body.response.body_mutation.body
    assert not second.request_body.HasField("response")


def test_who_only_watches_gets_no_answer_and_no_decision() -> None:
    stream = open_stream()
    assert stream.answers(pb.ProcessingRequest(request_headers=call_headers(), observability_mode=True)) == ()
    assert stream.answers(pb.ProcessingRequest(request_body=body(CHAT), observability_mode=True)) == ()
