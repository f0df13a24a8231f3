"""Plano's filter: the answer is 200 with a body to send on, whatever comes; undecided calls come back byte for byte."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.engine import RecordedDecision
from serving.decision.types import Request
from serving.schemas.limits import BodyLimits, RequestLimits
from serving.service.decision_service import DecisionService
from tests.support.fakes import JSON, BrokenDecider, Client, LengthDecider, client_of, make_service

PATH = "/v1/webhooks/plano"
CHAT, MESSAGES, RESPONSES = (f"{PATH}/v1/{name}" for name in ("chat/completions", "messages", "responses"))
LONG = "Prove it step by step. " * 20
LIMITS = RequestLimits(BodyLimits(max_bytes=65_536))
# As Plano sends them: the client's own headers, and these two.
SENT = (*JSON, ("accept", "application/json"), ("authorization", "Bearer sk-of-the-client"), ("x-request-id", "r"))


@pytest.fixture
def decider() -> LengthDecider:
    return LengthDecider()


@pytest.fixture
def client(decider: LengthDecider) -> Client:
    return client_of(make_service(decider), LIMITS)


def chat(model: str = "openai/gpt-5.1", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": LONG}], **more}


def counted() -> tuple[Client, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []
    slot = make_service(LengthDecider()).slot
    service = DecisionService(slot, "baseline", lambda: 0, str, passed_over=lambda *each: told.append(each))
    return client_of(service, LIMITS), told


@pytest.mark.parametrize(
    ("path", "call", "change"),
    [
        (CHAT, chat(seed=7), {"reasoning_effort": "high"}),
        (CHAT, chat("xai/grok-4.3", max_tokens=900), {"reasoning_effort": "high", "max_tokens": 17_408}),
        (
            MESSAGES,
            chat("anthropic/claude-sonnet-4-5", max_tokens=900),
            {"max_tokens": 17_408, "thinking": {"type": "enabled", "budget_tokens": 16_384}},
        ),
    ],
)
def test_a_body_comes_back_decided(client: Client, path: str, call: dict[str, Any], change: dict[str, Any]) -> None:
    answer = client.post(path, call, SENT)
    assert (answer.status, answer.json()) == (200, {**call, **change})
    assert answer.headers["x-thinkgate-applied"] == "high"
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.body)


@pytest.mark.parametrize(
    ("path", "call"),
    [
        (CHAT, chat("anthropic/claude-sonnet-4-5")),
        (CHAT, chat("openai/gpt-5.1", temperature=0.2)),
        (MESSAGES, chat("anthropic/claude-opus-4-6", max_tokens=900)),
        (RESPONSES, {"model": "openai/gpt-5.1", "input": LONG}),
    ],
)
def test_what_plano_would_drop_or_the_model_refuse_is_not_set(client: Client, path: str, call: dict[str, Any]) -> None:
    raw = json.dumps(call, indent=1).encode()
    answer = client.post(path, raw, SENT)
    assert (answer.status, answer.body) == (200, raw)
    assert answer.headers["x-thinkgate-applied"] == "unchanged"
    assert answer.headers["x-thinkgate-note"]


@pytest.mark.parametrize("raw", [b"", b"hello", b"[1]", b"null", b'{"model": "m"}', b"{}", b"\xff\x00", b"[" * 2000])
def test_what_cannot_be_read_comes_back_byte_for_byte(raw: bytes) -> None:
    client, told = counted()
    answer = client.post(CHAT, raw, SENT)
    assert (answer.status, answer.body, told) == (200, raw, [("body_unread", "plano")])
    assert answer.headers["x-thinkgate-note"]


@pytest.mark.parametrize(
    "path", [f"{PATH}/v1/embeddings", f"{PATH}/", f"{PATH}/v1/models/m:generateContent", f"{PATH}/x"]
)
def test_what_is_no_chat_comes_back(path: str) -> None:
    client, told = counted()
    raw = b'{"model": "m",  "input": "x"}'
    answer = client.post(path, raw, SENT)
    assert (answer.status, answer.body) == (200, raw)
    assert {reason for reason, _ in told} <= {"not_a_chat", "body_unread"}


def test_bodies_that_are_too_large_or_encoded_come_back() -> None:
    client, told = counted()
    big = [b'{"model": "m", "pad": "', b"x" * 60_000, b"y" * 60_000, b'"}']
    for chunks, headers in (
        (big, SENT),
        (big, (*SENT, ("content-length", str(sum(map(len, big)))))),
        ([gzip.compress(b"{}")], (*SENT, ("content-encoding", "gzip"))),
    ):
        answer = client.call("POST", CHAT, chunks, headers)
        assert (answer.status, answer.body) == (200, b"".join(chunks))
    assert told == [("body_unread", "plano")] * 3


def test_a_client_that_goes_gets_nothing(client: Client) -> None:
    assert client.call("POST", CHAT, [], SENT).status == 0


def test_a_failing_model_falls_back_and_a_fault_of_ours_passes_the_body_on(monkeypatch: pytest.MonkeyPatch) -> None:
    service = make_service(BrokenDecider())
    raw = json.dumps(chat(), indent=2).encode()
    answer = client_of(service).post(CHAT, raw, SENT)
    assert (answer.status, answer.headers["x-thinkgate-fallback"]) == (200, "baseline")

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret prompt")

    monkeypatch.setattr(service, "answer", fail)
    answer = client_of(service).post(CHAT, raw, SENT)
    assert (answer.status, answer.body) == (200, raw)


def test_the_clients_headers_give_the_context(client: Client, decider: LengthDecider) -> None:
    client.post(CHAT, chat(), (*SENT, ("x-thinkgate-session-id", "s-17"), ("x-thinkgate-tenant", "acme")))
    assert (decider.seen[-1].session_id, decider.seen[-1].tenant) == ("s-17", "acme")
    raw = json.dumps(chat()).encode()
    answer = client.post(CHAT, raw, (*SENT, ("x-thinkgate-deadline-ms", "soon")))
    assert (answer.status, answer.body) == (200, raw)


def test_the_sinks_hear_what_the_call_asks_for() -> None:
    heard: list[RecordedDecision] = []

    class Sink:
        def decided(self, request: Request, decided: RecordedDecision) -> None:
            heard.append(decided)

    client = client_of(make_service(LengthDecider(), sinks=(Sink(),)))
    client.post(CHAT, chat(), SENT)
    client.post(RESPONSES, {"model": "openai/gpt-5.1", "input": LONG, "reasoning": {"effort": "high"}}, SENT)
    told = [each.applied for each in heard if each.applied is not None]
    assert [(one.effort, one.not_applied, one.integration) for one in told] == [
        ("high", "", "plano"),
        ("none", "no_words", "plano"),  # Plano drops the client's own `reasoning`, too
    ]


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=60), path=st.sampled_from([CHAT, MESSAGES, RESPONSES]))
def test_junk_comes_back_byte_for_byte(raw: bytes, path: str) -> None:
    answer = client_of(make_service(LengthDecider())).post(path, raw, SENT)
    assert (answer.status, answer.body) == (200, raw)
