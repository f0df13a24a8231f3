"""One exchange, message by message: which bodies are requested, what is rewritten, what becomes an outcome."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from serving.decision.engine import RecordedDecision
from serving.decision.selection.arm_scoring import EveryArmDenied
from serving.decision.selection.runtime_state import NEUTRAL, RuntimeState
from serving.decision.types import Applied, Decision, Request
from serving.gateways.envoy_exchange import Exchange
from serving.gateways.envoy_reply import Answer
from serving.journal.rows import OutcomeRow
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.schemas.content_coding import CODINGS
from serving.service.decision_service import DecisionService
from tests.support.codings import COMPRESS
from tests.support.envoy_messages import CHAT, body, call_headers, exchange_services, header_map
from tests.support.fakes import LengthDecider, make_service

STREAMED = pb.ProcessingMode.STREAMED


def reply(exchange: Exchange, status: str = "200") -> Answer:
    return exchange.response_headers(header_map(__status=status, content_type="application/json"))


def mutations(mutation: pb.HeaderMutation) -> dict[str, str]:
    return {option.header.key: option.header.raw_value.decode() for option in mutation.set_headers}


@pytest.mark.parametrize(
    ("headers", "mode"),
    [
        (call_headers(), pb.ProcessingMode.BUFFERED_PARTIAL),
        (call_headers(content_length="1000"), pb.ProcessingMode.BUFFERED),
        (call_headers(content_length="1001"), pb.ProcessingMode.NONE),
        (call_headers(content_length="9" * 50), pb.ProcessingMode.NONE),
        (call_headers("/v1/embeddings", content_length="10"), pb.ProcessingMode.NONE),
        (header_map(__method="GET", __path="/v1/responses"), pb.ProcessingMode.NONE),
        (header_map(), pb.ProcessingMode.NONE),
    ],
)
def test_bodies_are_asked_for_where_they_are_needed(headers: pb.HttpHeaders, mode: int) -> None:
    answer = Exchange(exchange_services()).request_headers(headers)
    assert answer.mode_override.request_body_mode == mode
    assert answer.mode_override.response_body_mode == pb.ProcessingMode.NONE


def test_reply_is_read_only_where_a_decision_was_made() -> None:
    exchange = Exchange(exchange_services())
    exchange.request_headers(call_headers())
    exchange.request_body(body(CHAT, whole=False))
    assert not reply(exchange).HasField("mode_override")
    assert exchange.outcome() is None
    exchange = Exchange(exchange_services())
    exchange.request_headers(call_headers())
    exchange.request_body(body(CHAT))
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
    exchange = Exchange(exchange_services(), read_replies=False)
    exchange.request_headers(call_headers())
    exchange.request_body(body(CHAT))
    answer = reply(exchange)
    assert answer.response_headers.response.header_mutation.set_headers  # the client gets the headers all the same
    assert not answer.HasField("mode_override")
    assert exchange.outcome() is None


@pytest.mark.parametrize(
    ("status", "failure_mode"), [("504", "timeout"), ("408", "timeout"), ("500", None), ("429", None)]
)
def test_only_timeouts_among_errors_are_outcomes(status: str, failure_mode: str | None) -> None:
    exchange = Exchange(exchange_services())
    exchange.request_headers(call_headers())
    exchange.request_body(body(CHAT))
    assert not reply(exchange, status).HasField("mode_override")
    outcome = exchange.outcome()
    assert (outcome.failure_mode if outcome else None) == failure_mode


def test_reply_that_breaks_off_tells_no_latency() -> None:
    exchange = Exchange(exchange_services())
    exchange.request_headers(call_headers())
    exchange.request_body(body(CHAT))
    reply(exchange)
    exchange.response_body(body({"choices": []}, whole=False))
    assert exchange.outcome() is None


def test_body_is_rewritten_and_described_in_headers() -> None:
    exchange = Exchange(exchange_services())
    exchange.request_headers(call_headers(accept_encoding="br, gzip"))
    answer = exchange.request_body(body(CHAT)).request_body.response
    sent = answer.body_mutation.body
    assert json.loads(sent) == {**CHAT, "reasoning_effort": "none"}
    headers = mutations(answer.header_mutation)
    assert (headers["x-thinkgate-arm"], headers["x-thinkgate-effort"]) == ("direct", "none")
    assert headers["content-length"] == str(len(sent))
    assert headers["accept-encoding"] == "gzip"  # the reply's usage must be readable
    assert not answer.clear_route_cache  # the model stays, so does the route


@pytest.mark.parametrize("raw", [b"", b"hello", b"[1]", b'{"model": "m"}', b'{"messages": [7]}'])
def test_body_that_cannot_be_read_passes_unchanged(raw: bytes) -> None:
    exchange = Exchange(exchange_services())
    exchange.request_headers(call_headers())
    answer = exchange.request_body(pb.HttpBody(body=raw, end_of_stream=True))
    assert answer == Answer(request_body=pb.BodyResponse())
    assert exchange.outcome() is None


def test_forged_decision_headers_are_removed() -> None:
    answer = Exchange(exchange_services()).request_headers(call_headers(x_thinkgate_arm="mine"))
    assert list(answer.request_headers.response.header_mutation.remove_headers) == ["x-thinkgate-arm"]
    assert answer.request_headers.response.clear_route_cache


def test_request_without_an_allowed_arm_is_refused_with_403() -> None:
    class Denying(LengthDecider):
        def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
            raise EveryArmDenied("rule 1 leaves no arm")

    exchange = Exchange(exchange_services(make_service(Denying())))
    exchange.request_headers(call_headers())
    refusal = exchange.request_body(body(CHAT)).immediate_response
    assert refusal.status.code == 403
    assert json.loads(refusal.body)["detail"] == "rule 1 leaves no arm"


@pytest.mark.parametrize("coding", CODINGS)
def test_compressed_body_is_read_where_its_header_can_go(coding: str) -> None:
    raw = pb.HttpBody(body=COMPRESS[coding](json.dumps(CHAT).encode()), end_of_stream=True)
    modes = pb.ProcessingMode
    for mode in (modes.NONE, modes.BUFFERED, modes.BUFFERED_PARTIAL, modes.STREAMED, None):
        exchange = Exchange(exchange_services())
        exchange.configured = None if mode is None else pb.ProtocolConfiguration(request_body_mode=mode)
        exchange.request_headers(call_headers(content_encoding=coding))
        answer = exchange.request_body(raw).request_body.response
        if mode in (modes.STREAMED, None):
            assert not answer.HasField("body_mutation")
            continue
        assert json.loads(answer.body_mutation.body) == {**CHAT, "reasoning_effort": "none"}
        assert list(answer.header_mutation.remove_headers) == ["content-encoding"]


@pytest.mark.parametrize("coding", ["compress", "gzip, br"])
def test_coding_that_cannot_be_read_is_not_asked_for(coding: str) -> None:
    exchange = Exchange(exchange_services())
    exchange.configured = pb.ProtocolConfiguration()
    answer = exchange.request_headers(call_headers(content_encoding=coding, content_length="10"))
    assert answer.mode_override.request_body_mode == pb.ProcessingMode.NONE
    assert not exchange.wants_body


def test_host_is_the_one_that_the_gateway_states() -> None:
    """Envoy rewrites the authority after its filters; OpenRouter takes other words than OpenAI."""
    exchange = Exchange(exchange_services())
    exchange.request_headers(call_headers(__authority="127.0.0.1:8800", x_thinkgate_host="openrouter.ai"))
    sent = json.loads(exchange.request_body(body(CHAT)).request_body.response.body_mutation.body)
    assert sent["reasoning"] == {"enabled": False}
    assert "reasoning_effort" not in sent


def test_a_model_of_no_arm_may_be_left_alone() -> None:
    services = replace(exchange_services(), only_arm_models=True)
    for model, decided in (("gpt-5.1", True), ("openai/gpt-5.1", True), ("gpt-4o-mini", False)):
        exchange = Exchange(services)
        exchange.request_headers(call_headers())
        answer = exchange.request_body(body({**CHAT, "model": model}))
        assert (exchange.outcome() is None, answer == Answer(request_body=pb.BodyResponse())) == (True, not decided)


def test_the_authority_says_whose_words_the_body_gets() -> None:
    exchange = Exchange(exchange_services())
    exchange.request_headers(call_headers("/api/v1/chat/completions", __authority="openrouter.ai"))
    answer = exchange.request_body(body(CHAT))
    assert "reasoning" in json.loads(answer.request_body.response.body_mutation.body)


def test_calls_that_pass_without_a_decision_are_counted_once_each() -> None:
    told: list[tuple[str, str]] = []
    plain = make_service(LengthDecider())
    service = DecisionService(plain.slot, "baseline", lambda: 0, str, passed_over=lambda *each: told.append(each))

    def passes(path: str, *bodies: pb.HttpBody, **headers: str) -> list[tuple[str, str]]:
        told.clear()
        exchange = Exchange(exchange_services(service))
        exchange.request_headers(call_headers(path, **headers))
        for each in bodies:
            exchange.request_body(each)
        return list(told)

    chat = "/v1/chat/completions"
    assert passes("/v1/embeddings", body({"input": "Hi"})) == [("not_a_chat", "ext_proc")]
    assert passes(chat, pb.HttpBody(body=b"hello", end_of_stream=True)) == [("body_unread", "ext_proc")]
    assert passes(chat, body(CHAT, whole=False), body(CHAT)) == [("body_unread", "ext_proc")]
    assert passes(chat, content_length="1001") == [("body_unread", "ext_proc")]
    assert passes(chat, body(CHAT)) == []


def test_the_sinks_hear_what_the_body_asks_for() -> None:
    heard: list[RecordedDecision] = []

    class Heard:
        def decided(self, request: Request, decided: RecordedDecision) -> None:
            assert request.messages
            heard.append(decided)

    exchange = Exchange(exchange_services(make_service(LengthDecider(), sinks=[Heard()])))
    exchange.request_headers(call_headers())
    long = [{"role": "user", "content": "Prove it step by step. " * 20}]
    exchange.request_body(body({**CHAT, "messages": long, "temperature": 0.2}))
    (decided,) = heard
    assert decided.decision.arm == "reasoning"
    assert decided.applied == Applied("gpt-5.1", "none", "conflict:temperature", "direct", 1.0, "ext_proc")
