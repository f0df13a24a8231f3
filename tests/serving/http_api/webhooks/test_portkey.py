"""Portkey's webhook: whatever comes, the verdict is true; a call is transformed only where that reaches its model."""

from __future__ import annotations

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
from tests.support.webhook_gateways import portkey_envelope

PATH = "/v1/webhooks/portkey"
LONG = "Prove it step by step. " * 20
LIMITS = RequestLimits(BodyLimits(max_bytes=65_536))


@pytest.fixture
def decider() -> LengthDecider:
    return LengthDecider()


@pytest.fixture
def client(decider: LengthDecider) -> Client:
    return client_of(make_service(decider), LIMITS)


def chat(text: str = LONG, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-5.1", "messages": [{"role": "user", "content": text}], **more}


def counted(limits: RequestLimits = LIMITS) -> tuple[Client, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []
    slot = make_service(LengthDecider()).slot
    service = DecisionService(slot, "baseline", lambda: 0, str, passed_over=lambda *each: told.append(each))
    return client_of(service, limits), told


def test_a_call_comes_back_transformed_whole(client: Client) -> None:
    call = chat(seed=123456789012345678901234, metadata={"trace": "t"})
    answer = client.post(PATH, json.dumps(portkey_envelope(call)).encode())
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    said = json.loads(answer.body)
    assert said["verdict"] is True
    assert said["transformedData"] == {"request": {"json": {**call, "reasoning_effort": "high"}}}
    assert said["data"]["decision_id"] == "0" * 26
    assert {said["data"][name] for name in ("arm", "effort", "applied")} == {"reasoning", "high"}


def test_a_call_that_stays_is_not_transformed(client: Client) -> None:
    said = client.post(PATH, portkey_envelope(chat(temperature=0.2))).json()
    assert (said["verdict"], "transformedData" in said) == (True, False)
    assert said["data"]["note"] == "gpt-5.1 refuses temperature beside reasoning"
    dropped = client.post(PATH + "?drop-sampling=true", portkey_envelope(chat(temperature=0.2))).json()
    assert dropped["transformedData"]["request"]["json"] == chat(reasoning_effort="high")


def test_claude_is_switched_in_both_forms(client: Client) -> None:
    call = chat(max_tokens=900) | {"model": "claude-sonnet-4-5"}
    for request_type in ("chatComplete", "messages"):
        said = client.post(PATH, portkey_envelope(call, "anthropic", request_type)).json()
        thinking = {"type": "enabled", "budget_tokens": 16384}
        assert said["transformedData"]["request"]["json"] == {**call, "max_tokens": 17408, "thinking": thinking}


@pytest.mark.parametrize("provider", ["google", "mistral-ai", "deepseek", "someone", ""])
def test_providers_whose_words_portkey_drops_are_left_alone(client: Client, provider: str) -> None:
    said = client.post(PATH, portkey_envelope(chat(), provider)).json()
    assert (said["verdict"], "transformedData" in said) == (True, False)
    assert said["data"]["note"] == "the gateway does not send on the words for this effort"


def test_a_reply_and_an_old_portkey_are_not_decided_on(client: Client, decider: LengthDecider) -> None:
    for event in ({"eventType": "afterRequestHook"}, {"eventType": None}):
        answer = client.post(PATH, {**portkey_envelope(chat()), **event})
        assert (answer.status, answer.json()) == (200, {"verdict": True})
    assert decider.seen == []


def test_other_calls_than_chats_are_counted_and_pass() -> None:
    client, told = counted()
    for request_type in ("embed", "complete", "createTranscription"):
        assert client.post(PATH, portkey_envelope(chat(), "openai", request_type)).json() == {"verdict": True}
    assert told == [("not_a_chat", "portkey")] * 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b"null",
        b"7",
        b"{}",
        b'{"request": null}',
        b'{"request": {"json": "no"}}',
        b"\xff",
        b"[" * 9,
    ],
)
def test_what_is_no_envelope_gets_a_true_verdict_and_the_reason(body: bytes) -> None:
    client, told = counted()
    answer = client.post(PATH, body)
    said = answer.json()
    assert (answer.status, said["verdict"], set(said)) == (200, True, {"verdict", "data"})
    assert said["data"]["problem"]
    assert told == [("body_unread", "portkey")]


def test_a_body_that_is_too_large_or_of_another_type_passes() -> None:
    client, told = counted()
    for chunks, headers in (
        ([b" " * 60_000, b" " * 60_000, b" "], JSON),
        ([b"{}"], (("content-type", "text/plain"),)),
        ([b"{}"], (*JSON, ("content-encoding", "gzip"))),
    ):
        answer = client.call("POST", PATH, chunks, headers)
        assert (answer.status, answer.json()["verdict"]) == (200, True)
        assert client.taken == len(chunks)
    assert told == [("body_unread", "portkey")] * 3


def test_a_failing_model_falls_back_and_a_fault_of_ours_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    service = make_service(BrokenDecider())
    said = client_of(service).post(PATH, portkey_envelope(chat())).json()
    assert (said["verdict"], said["data"]["fallback"]) == (True, "baseline")

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret prompt")

    monkeypatch.setattr(service, "answer", fail)
    answer = client_of(service).post(PATH, portkey_envelope(chat()))
    assert (answer.status, answer.json()["verdict"], "secret" in answer.body.decode()) == (200, True, False)


def test_metadata_name_the_context_of_one_call_and_headers_win(client: Client, decider: LengthDecider) -> None:
    metadata = {"_user": "ada", "X-Thinkgate-Session-Id": "s-17", "x-thinkgate-tenant": "other", "x-thinkgate-task": 7}
    client.post(PATH, portkey_envelope(chat(), metadata=metadata), (*JSON, ("x-thinkgate-tenant", "acme")))
    seen = decider.seen[-1]
    assert (seen.session_id, seen.tenant, seen.task) == ("s-17", "acme", None)


def test_the_sinks_hear_what_the_call_asks_for() -> None:
    heard: list[RecordedDecision] = []

    class Sink:
        def decided(self, request: Request, decided: RecordedDecision) -> None:
            heard.append(decided)

    client = client_of(make_service(LengthDecider(), sinks=(Sink(),)))
    for call, provider in ((chat(), "openai"), (chat(), "google"), (chat() | {"model": "o3"}, "openai")):
        client.post(PATH, portkey_envelope(call, provider))
    told = [each.applied for each in heard if each.applied is not None]
    assert [(one.model, one.effort, one.not_applied, one.integration) for one in told] == [
        ("gpt-5.1", "high", "", "portkey"),
        ("gpt-5.1", "none", "no_words", "portkey"),
        ("o3", "high", "url_model", "portkey"),
    ]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_KEYS = (
    "model",
    "messages",
    "reasoning_effort",
    "thinking",
    "tools",
    "max_tokens",
    "reasoning",
    "extra_body",
    "include",
)


@settings(max_examples=100, deadline=None)
@given(
    call=st.dictionaries(st.sampled_from(_KEYS), _JSON) | _JSON,
    provider=st.sampled_from(["openai", "anthropic", "openrouter", "dashscope"]) | _JSON,
    kind=st.sampled_from(["chatComplete", "messages"]) | _JSON,
    metadata=_JSON,
)
def test_junk_never_gets_another_answer_than_a_true_verdict(call: Any, provider: Any, kind: Any, metadata: Any) -> None:
    envelope = {**portkey_envelope({}), "request": {"json": call}, "provider": provider, "requestType": kind}
    answer = client_of(make_service(LengthDecider())).post(PATH, json.dumps(envelope | {"metadata": metadata}).encode())
    assert (answer.status, json.loads(answer.body)["verdict"]) == (200, True)
    assert "fault of the server" not in answer.body.decode()
