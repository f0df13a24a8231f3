"""The reply of a decided call: what the client sees of it, and what is counted of its usage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from serving.decision.types import Request
from serving.gateways.envoy_reply import DecidedCall, ExchangeServices, Reply
from serving.proto.envoy import ext_proc_pb2 as pb
from tests.support.envoy_messages import body, exchange_services, header_map

SSE = "text/event-stream"
USAGE = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}


def reply_of(services: ExchangeServices, kind: str, *, asked: bool = False, **headers: str) -> Reply:
    reply = Reply(services, DecidedCall("0" * 26, 4.0, (), "chat", asked, Request(())), read=True)
    reply.headers(header_map(__status="200", content_type=kind, **headers))
    return reply


def event(value: Any) -> pb.HttpBody:
    return pb.HttpBody(body=b"data: " + json.dumps(value).encode() + b"\n\n")


@pytest.mark.parametrize(
    ("value", "encoding", "counted"),
    [
        ({"usage": {"prompt_tokens": 1, "completion_tokens": 2}}, "identity", "read"),
        ({"choices": []}, "identity", "missing"),
        ({"usage": {"prompt_tokens": -1}}, "identity", "malformed"),
        ({"usage": {"prompt_tokens": 1, "completion_tokens": 2}}, "br", "unreadable"),
    ],
)
def test_replies_are_counted_by_what_they_tell(value: dict[str, Any], encoding: str, counted: str) -> None:
    services = exchange_services()
    reply = reply_of(services, "application/json", content_encoding=encoding)
    reply.body(body(value))
    outcome = reply.outcome()
    assert outcome is not None
    assert (outcome.output_tokens is None) == (counted != "read")
    assert outcome.latency_ms == 1000.0
    assert services.replies == {counted: 1}


def test_usage_that_was_asked_for_is_read_and_kept_from_the_client() -> None:
    reply = reply_of(exchange_services(), SSE, asked=True)
    text = event({"choices": [{"delta": {"content": "a"}}]})
    assert reply.body(text).response_body.response.body_mutation.body == text.body
    assert reply.body(event(USAGE)).response_body.response.body_mutation.clear_body
    done = pb.HttpBody(body=b"data: [DONE]\n\n", end_of_stream=True)
    assert reply.body(done).response_body.response.body_mutation.body == done.body
    outcome = reply.outcome()
    assert outcome is not None
    assert outcome.output_tokens == 2


@pytest.mark.parametrize(
    ("kind", "asked", "encoding"), [(SSE, False, ""), ("application/json", True, ""), (SSE, True, "gzip")]
)
def test_other_replies_pass_as_they_come(kind: str, asked: bool, encoding: str) -> None:
    headers = {"content_encoding": encoding} if encoding else {}
    reply = reply_of(exchange_services(), kind, asked=asked, **headers)
    assert not reply.body(event(USAGE)).response_body.HasField("response")
