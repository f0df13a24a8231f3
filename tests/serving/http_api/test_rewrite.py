"""`POST /v1/rewrite`: every provider's body comes back decided, what can't be read gets a 4xx, nothing gets lost."""

from __future__ import annotations

import inspect
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.engine import RecordedDecision
from serving.decision.errors import BadInput
from serving.decision.policy.policy import Policy, Terms
from serving.decision.selection.arm_scoring import EveryArmDenied
from serving.decision.selection.runtime_state import NEUTRAL, RuntimeState, Session
from serving.decision.types import ReasoningSwitch, Request
from serving.model.slot import EngineSlot, LiveEngine
from serving.schemas.content_coding import CODINGS
from serving.schemas.limits import BodyLimits, RequestLimits
from serving.service.decision_service import DecisionService
from tests.support.codings import COMPRESS
from tests.support.fakes import JSON, BrokenDecider, Client, LengthDecider, client_of, make_service
from tests.support.policy_cases import ARMS, engine, forecast

PATH = "/v1/rewrite"
MODEL_ARMS = tuple(replace(arm, model="gpt-5.1") for arm in ARMS)
LONG = "Prove it step by step. " * 20


@pytest.fixture
def decider() -> LengthDecider:
    return LengthDecider()


@pytest.fixture
def client(decider: LengthDecider) -> Client:
    return client_of(make_service(decider), RequestLimits(BodyLimits(max_bytes=65_536)))


def chat(text: str = "Hi", **more: Any) -> dict[str, Any]:
    return {"model": "gpt-5.1", "messages": [{"role": "user", "content": text}], **more}


def test_a_body_comes_back_decided_with_the_decision_in_headers(client: Client) -> None:
    body = chat(LONG, seed=7, metadata={"trace": "t"})
    answer = client.post(PATH, body)
    assert answer.status == 200
    assert answer.json() == {**body, "reasoning_effort": "high"}
    decision = {name[12:]: value for name, value in answer.headers.items() if name.startswith("x-thinkgate-")}
    assert decision == {
        "decision-id": "0" * 26,
        "arm": "reasoning",
        "effort": "high",
        "applied": "high",
        "bucket": "use",
        "model": "gpt-5.1",
        "propensity": "1",
        "fallback": "none",
        "max-reasoning-tokens": "0",
        "max-retries": "1",
        "max-total-ms": "30000",
        "dialect": "chat",
        "policy": "default",
    }
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        ("", {"model": "gpt-5.1", "input": LONG}, {"reasoning": {"effort": "high"}}),
        ("?dialect=openrouter", chat(LONG), {"reasoning": {"effort": "high"}}),
        (
            "?model=gemini-2.5-flash",
            {"contents": [{"parts": [{"text": LONG}]}]},
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 16384}}},
        ),
        (
            "",
            {
                "contents": [{"parts": [{"text": "Hi"}]}]
            },  # no model anywhere: the decided one's words, which has none here
            {},
        ),
    ],
)
def test_other_dialects(client: Client, query: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
    answer = client.post(PATH + query, body)
    assert answer.status == 200
    assert answer.json() == {**body, **expected}


def test_an_arm_speaks_its_own_words_under_all_its_names() -> None:
    switch = ReasoningSwitch((("off", (("knobs.think", False),)), ("on", (("knobs.think", True),))))
    arms = tuple(replace(arm, reasoning=switch, stands_for="tuned", aliases=("chat-eu",)) for arm in MODEL_ARMS)
    live = LiveEngine(engine(arms=arms), arms, "b", "p")
    service = DecisionService(EngineSlot(live), "baseline", time.perf_counter_ns, lambda: "0" * 26)
    calls = client_of(service)
    body = {**chat(LONG, knobs={"kept": 1}), "model": "azure/chat-eu"}
    answer = calls.post(PATH, body)
    think = answer.headers["x-thinkgate-arm"] != "direct"
    assert answer.json() == {**body, "knobs": {"kept": 1, "think": think}}
    assert answer.headers["x-thinkgate-applied"] == ("high" if think else "none")


@pytest.mark.parametrize("host", ["openrouter", "https://openrouter.ai/api/v1"])
def test_who_serves_the_call_is_named_by_query_or_header(client: Client, host: str) -> None:
    by_query = client.post(f"{PATH}?host={host}", chat(LONG))
    by_header = client.post(PATH, chat(LONG), (*JSON, ("x-thinkgate-host", host)))
    assert by_query.status == by_header.status == 200
    assert by_query.body == by_header.body


def test_patch_and_merge_forms(client: Client) -> None:
    patch = client.post(PATH + "?form=patch", chat())
    assert patch.headers["content-type"] == "application/json-patch+json"
    assert patch.json() == [{"op": "add", "path": "/reasoning_effort", "value": "none"}]
    merge = client.post(PATH, chat(), headers=(*JSON, ("x-thinkgate-form", "merge")))
    assert merge.headers["content-type"] == "application/merge-patch+json"
    assert merge.json() == {"reasoning_effort": "none"}


def test_hints_reach_the_decision_and_sampling_may_go(client: Client, decider: LengthDecider) -> None:
    headers = (*JSON, ("x-thinkgate-tenant", "acme"), ("x-thinkgate-session-id", "s1"), ("x-thinkgate-task", "maths"))
    left = client.post(PATH, chat(LONG, temperature=0.1), headers)
    assert left.json() == chat(LONG, temperature=0.1)
    assert left.headers["x-thinkgate-applied"] == "unchanged"
    assert left.headers["x-thinkgate-note"] == "gpt-5.1 refuses temperature beside reasoning"
    seen = decider.seen[-1]
    assert (seen.tenant, seen.session_id, seen.task, seen.model) == ("acme", "s1", "maths", "gpt-5.1")
    dropped = client.post(PATH + "?drop-sampling=true", chat(LONG, temperature=0.1))
    assert dropped.json() == chat(LONG, reasoning_effort="high")


def test_an_unchanged_body_comes_back_byte_for_byte(client: Client) -> None:
    raw = b'{"messages" : [ {"role":"user","content":"caf\\u00e9"} ],\n "model":"gpt-5.1", "reasoning_effort": "none"}'
    answer = client.post(PATH, raw)
    assert answer.body == raw
    assert answer.headers["x-thinkgate-note"] == "the client's explicit effort stands"


def test_long_numbers_and_broken_unicode_are_kept(client: Client) -> None:
    raw = b'{"model":"gpt-5.1","messages":[{"role":"user","content":"a\\ud800b"}],"seed":123456789012345678901234}'
    answer = client.post(PATH, raw)
    assert answer.status == 200
    assert json.loads(answer.body) == {**json.loads(raw), "reasoning_effort": "none"}


BAD = [
    (b"hello", 400, "not JSON"),
    (b'{"messages": NaN}', 400, "not JSON"),
    (b'{"seed": 1' + b"0" * 6000 + b"}", 400, "not JSON"),
    (b"[" * 5000, 400, "not JSON"),
    (b"[]", 422, "JSON object"),
    (b"{}", 422, "neither messages, input nor contents"),
    (b'{"messages": [{"role": "user", "content": 7}]}', 422, "messages[0].content"),
    (b'{"model": "m", "messages": []}', 422, "empty"),
    (b'{"messages": [{"role": "user", "content": "' + b"x" * 70_000 + b'"}]}', 413, "larger than"),
]


@pytest.mark.parametrize(("raw", "status", "word"), BAD)
def test_what_cant_be_read_is_a_clear_problem(client: Client, raw: bytes, status: int, word: str) -> None:
    answer = client.post(PATH, raw)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "headers", "word"),
    [
        ("?form=xml", JSON, "unknown form"),
        ("?dialect=smoke", JSON, "unknown dialect"),
        ("?host=nobody", JSON, "unknown host"),
        ("", (*JSON, ("x-thinkgate-deadline-ms", "soon")), "x-thinkgate-deadline-ms"),
    ],
)
def test_what_is_asked_wrongly_is_named(client: Client, query: str, headers: Any, word: str) -> None:
    answer = client.post(PATH + query, chat(), headers)
    assert answer.status == 422
    assert word in answer.json()["detail"]


def test_methods_and_media_types(client: Client) -> None:
    assert client.get(PATH).status == 405
    assert client.post(PATH, chat(), headers=()).status == 415


def deep(levels: int) -> bytes:
    return b'{"model":"gpt-5.1","messages":[{"role":"user","content":"Hi"}],"x":' + b"[" * levels + b"]" * levels + b"}"


def test_a_deep_body_passes_or_is_refused(client: Client) -> None:
    # Other tests import packages that raise the limit for the whole process.
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000 + len(inspect.stack(0)))
    try:
        _deep_bodies(client)
    finally:
        sys.setrecursionlimit(limit)


def _deep_bodies(client: Client) -> None:
    assert [client.post(PATH, deep(levels)).status for levels in (200, 900, 5000)] == [200, 200, 400]
    assert client.post(PATH, deep(900)).json()["reasoning_effort"] == "none"


def test_a_broken_engine_still_rewrites() -> None:
    answer = client_of(make_service(BrokenDecider())).post(PATH, chat(LONG))
    assert answer.json() == chat(LONG, reasoning_effort="none")
    assert answer.headers["x-thinkgate-fallback"] == "baseline"


def test_a_tool_loop_of_a_remembered_session_goes_on_as_it_began() -> None:
    class Remembering:
        def runtime_state(self, request: Request, headers: Mapping[str, str]) -> RuntimeState:
            return RuntimeState(session=Session("high")) if request.session_id == "known" else NEUTRAL

    made = engine(arms=MODEL_ARMS)
    live = LiveEngine(made, MODEL_ARMS, "fixed", made.version)
    service = DecisionService(EngineSlot(live), "baseline", time.perf_counter_ns, lambda: "id", (Remembering(),))
    turns = [{"role": "user", "content": "Hi"}, {"role": "tool", "content": "4"}]
    ours: dict[str, Any] = {"model": "gpt-5.1", "messages": turns}
    for session, note in (("known", None), ("unknown", "open tool loop: the mode stays as it is")):
        answer = client_of(service).post(PATH, ours, (*JSON, ("x-thinkgate-session-id", session)))
        assert answer.headers.get("x-thinkgate-note") == note
        assert answer.json() == ({**ours, "reasoning_effort": "high"} if note is None else ours)


def test_a_tool_loop_goes_on_at_another_effort_where_the_policy_allows_it() -> None:
    class Remembering:
        def runtime_state(self, request: Request, headers: Mapping[str, str]) -> RuntimeState:
            return RuntimeState(session=Session("direct"))

    turns = [{"role": "user", "content": LONG}, {"role": "tool", "content": "4"}]
    ours: dict[str, Any] = {"model": "gpt-5.1", "messages": turns}
    asked = []
    for inside in ("keep", "where_allowed"):
        made = engine(forecast((0.2, 0.5)), Policy(terms=Terms(inside_tool_loops=inside)), MODEL_ARMS)  # type: ignore[arg-type]
        live = LiveEngine(made, MODEL_ARMS, "fixed", made.version, bound_policy=made.bound_policy)
        service = DecisionService(EngineSlot(live), "baseline", time.perf_counter_ns, lambda: "id", (Remembering(),))
        asked.append(client_of(service).post(PATH, ours).json()["reasoning_effort"])
    assert asked == ["none", "high"]


def test_a_denied_request_is_a_403() -> None:
    class Denying:
        def decide_recorded(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> RecordedDecision:
            raise EveryArmDenied("the policy leaves no arm")

    assert issubclass(EveryArmDenied, BadInput)
    assert client_of(make_service(Denying())).post(PATH, chat()).status == 403


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["messages", "input", "contents", "model", "reasoning", "thinking"]), JUNK)
    | JUNK
    | st.builds(lambda text, more: {**more, **chat(text or "x")}, st.text(), st.dictionaries(st.text(), JUNK))
)
def test_no_body_gets_a_5xx(body: Any) -> None:
    answer = client_of(make_service(LengthDecider())).post(PATH, json.dumps(body).encode())
    assert answer.status in (200, 400, 422)


@pytest.mark.parametrize("coding", CODINGS)
def test_compressed_body_is_read_and_answered_plain(client: Client, coding: str) -> None:
    body = chat(LONG)
    headers = (*JSON, ("content-encoding", coding))
    answer = client.call("POST", PATH, [COMPRESS[coding](json.dumps(body).encode())], headers)
    assert answer.status == 200
    assert "content-encoding" not in answer.headers
    assert answer.json() == {**body, "reasoning_effort": "high"}
    bomb = COMPRESS[coding](json.dumps(chat("x" * 65_536)).encode())
    assert client.call("POST", PATH, [bomb], headers).status == 413
    assert client.call("POST", PATH, [b"{}"], headers).status == 422
    assert client.call("POST", "/v1/decisions", [bomb], headers).status == 415


PROXY_GROUPS = {"gpt-5.1": [{"model": "openai/gpt-5.1"}]}


def proxy_call(**more: Any) -> dict[str, Any]:
    return {"call_type": "acompletion", "request": chat(LONG, **more), "groups": PROXY_GROUPS}


def test_a_proxys_call_gets_a_patch_in_the_proxys_words(client: Client) -> None:
    answer = client.post(PATH + "?dialect=LiteLLM&form=merge", proxy_call(max_tokens=900))
    assert (answer.status, answer.json()) == (200, {"reasoning_effort": "high", "max_tokens": 17408})
    assert answer.headers["x-thinkgate-reason"] == "by length"
    assert answer.headers["x-thinkgate-asked-effort"] == "high"
    assert "x-thinkgate-not-applied" not in answer.headers


def test_a_proxys_call_can_come_back_whole(client: Client) -> None:
    answer = client.post(PATH + "?dialect=litellm", proxy_call(seed=7))
    assert answer.json() == {**chat(LONG, seed=7), "reasoning_effort": "high"}
    assert client.post(PATH + "?dialect=litellm", proxy_call(temperature=0.1)).json() == chat(LONG, temperature=0.1)


def test_why_a_proxys_call_was_left_alone_is_said(client: Client) -> None:
    answer = client.post(PATH + "?dialect=litellm&form=merge", proxy_call(temperature=0.1))
    assert answer.json() == {}
    assert answer.headers["x-thinkgate-not-applied"] == "conflict:temperature"


@pytest.mark.parametrize("body", [{}, {"call_type": "aembedding", "request": {}}, {"call_type": "acompletion"}])
def test_a_proxys_call_that_cannot_be_read_is_a_problem(client: Client, body: dict[str, Any]) -> None:
    assert client.post(PATH + "?dialect=litellm", body).status == 422


def test_a_proxys_call_is_journalled_with_what_was_applied() -> None:
    heard: list[Any] = []

    class Sink:
        def decided(self, request: Request, decided: RecordedDecision) -> None:
            heard.append(decided.applied)

    client = client_of(make_service(LengthDecider(), sinks=(Sink(),)))
    for more in ({}, {"temperature": 0.1}):
        client.post(PATH + "?dialect=litellm&form=merge", proxy_call(**more))
    assert [(one.effort, one.not_applied, one.integration) for one in heard] == [
        ("high", "", "litellm"),
        ("none", "conflict:temperature", "litellm"),  # gpt-5.1 does not reason where it is not asked to
    ]


def test_the_sinks_hear_what_the_body_asks_for_once_the_caller_has_it(decider: LengthDecider) -> None:
    heard: list[RecordedDecision] = []

    class Heard:
        def decided(self, request: Request, decided: RecordedDecision) -> None:
            assert request.messages
            heard.append(decided)

    client = client_of(make_service(decider, sinks=[Heard()]))
    for body in (chat(LONG, temperature=0.2), chat(LONG), chat(LONG, reasoning_effort="low")):
        assert client.post(PATH, body).status == 200
    assert [each.applied and each.applied.not_applied for each in heard] == ["conflict:temperature", "", ""]
    assert [each.applied and each.applied.effort for each in heard] == ["none", "high", "high"]
    assert [each.served_arm for each in heard] == ["direct", "reasoning", "reasoning"]
    assert {each.applied and each.applied.integration for each in heard} == {"rewrite"}


def test_a_body_that_cannot_be_read_is_counted(decider: LengthDecider) -> None:
    told: list[tuple[str, str]] = []
    slot = make_service(decider).slot
    service = DecisionService(slot, "baseline", lambda: 0, str, passed_over=lambda *each: told.append(each))
    for raw in (b"hello", b"[1]", b'{"model": "m"}', b" " * 70_000):
        assert client_of(service, RequestLimits(BodyLimits(max_bytes=65_536))).post(PATH, raw).status >= 400
    assert told == [("body_unread", "rewrite")] * 4
