"""The decision routes: what is read, what is answered, and which bodies get which problem."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.selection.runtime_state import NEUTRAL, RuntimeState
from serving.decision.types import ArmEstimate, Caps, Decision, Fallback, Request, Usd
from serving.http_api.decisions import DecisionRoutes
from serving.schemas.json_codec import MAX_FAULTS
from serving.schemas.limits import BodyLimits, RequestLimits
from serving.schemas.models import ArmEstimateAnswer, CapsAnswer, DecisionAnswer
from serving.schemas.problems import KINDS
from tests.support.fakes import BrokenDecider, Client, LengthDecider, Ticks, client_of, make_service

ONE = "/v1/decisions"
BATCH = "/v1/decisions/batch"
SMALL = RequestLimits(BodyLimits(max_bytes=16_384, seconds=5.0), max_messages=5, max_batch=3)


@pytest.fixture
def decider() -> LengthDecider:
    return LengthDecider()


@pytest.fixture
def client(decider: LengthDecider) -> Client:
    return client_of(make_service(decider), SMALL)


def test_decides(client: Client, decider: LengthDecider) -> None:
    answer = client.post(
        ONE,
        {
            "messages": [{"role": "user", "content": "Hi"}],
            "model": "m",
            "tenant": "t",
            "session_id": "s",
            "task": "k",
            "deadline_ms": 900,
            "value_of_success_usd": 0.5,
            "max_cost_usd": 0.25,
            "client_effort": "low",
            "tools": [{"type": "function"}, {"type": "function"}],
        },
    )
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["arm"] == "direct"
    assert decider.seen == [Request(decider.seen[0].messages, "m", "t", "s", "k", 900.0, Usd(0.5), Usd(0.25), "low", 2)]
    assert decider.seen[0].messages[0].text == "Hi"
    assert client.post(ONE, {"prompt": "x" * 300}).json()["arm"] == "reasoning"


def test_answer_has_the_documented_form(client: Client) -> None:
    answer = client.post(ONE, {"prompt": "Hi"}).json()
    DecisionAnswer.model_validate(answer)
    for wire, value in ((DecisionAnswer, Decision), (ArmEstimateAnswer, ArmEstimate), (CapsAnswer, Caps)):
        assert list(wire.model_fields) == [field.name for field in fields(value)]
    assert list(answer) == list(DecisionAnswer.model_fields)


BAD_BODIES = [
    (b"", 400, None),
    (b"hello", 400, None),
    (b'{"prompt": "a"', 400, None),
    (b'{"prompt": "a"} x', 400, None),
    (b'{"prompt": NaN}', 400, None),
    (b'{"prompt": "a", "deadline_ms": Infinity}', 400, None),
    (b'{"prompt": "a", "deadline_ms": 1e999}', 400, None),
    (b'{"prompt": "\xff"}', 400, None),
    ('{"prompt": "a"}'.encode("utf-16"), 400, None),
    (b"[" * 1500 + b"]" * 1500, 400, None),
    (b'{"a":' * 1500 + b"1" + b"}" * 1500, 400, None),
    (b"null", 422, "#"),
    (b"[]", 422, "#"),
    (b'"prompt"', 422, "#"),
    (b"{}", 422, "#"),
    (b'{"promt": "a"}', 422, "#/promt"),
    (b'{"prompt": "a", "a/b~c": 1}', 422, "#/a~1b~0c"),
    (b'{"prompt": 7}', 422, "#/prompt"),
    (b'{"prompt": ""}', 422, "#/prompt"),
    (b'{"prompt": "  "}', 422, "#/prompt"),
    (b'{"prompt": "a", "messages": [{"role": "user", "content": "a"}]}', 422, "#/prompt"),
    (b'{"messages": []}', 422, "#/messages"),
    (b'{"messages": null}', 422, "#"),
    (b'{"messages": {"role": "user"}}', 422, "#/messages"),
    (b'{"messages": ["a"]}', 422, "#/messages/0"),
    (b'{"messages": [{"content": "a"}]}', 422, "#/messages/0/role"),
    (b'{"messages": [{"role": "king", "content": "a"}]}', 422, "#/messages/0/role"),
    (b'{"messages": [{"role": "user", "content": 7}]}', 422, "#/messages/0/content"),
    (b'{"messages": [{"role": "user", "content": null}]}', 422, "#/messages"),
    (b'{"messages": [{"role": "user", "content": [[[[]]]]}]}', 422, "#/messages/0/content/0"),
    (b'{"messages": [{"role": "user", "content": [{"type": "text"}]}]}', 422, "#/messages/0/content/0/text"),
    (b'{"messages": [{"role": "assistant", "tool_calls": 3}]}', 422, "#/messages/0/tool_calls"),
    (json.dumps({"messages": [{"role": "user", "content": "a"}] * 6}).encode(), 422, "#/messages"),
    (b'{"prompt": "a", "deadline_ms": 0}', 422, "#/deadline_ms"),
    (b'{"prompt": "a", "deadline_ms": 1e300}', 422, "#/deadline_ms"),
    (b'{"prompt": "a", "deadline_ms": "9"}', 422, "#/deadline_ms"),
    (b'{"prompt": "a", "deadline_ms": true}', 422, "#/deadline_ms"),
    (b'{"prompt": "a", "max_cost_usd": -1}', 422, "#/max_cost_usd"),
    (b'{"prompt": "a", "value_of_success_usd": -0.01}', 422, "#/value_of_success_usd"),
    (b'{"prompt": "a", "client_effort": "huge"}', 422, "#/client_effort"),
    (b'{"prompt": "a", "tools": -1}', 422, "#/tools"),
    (b'{"prompt": "a", "tools": [1]}', 422, "#/tools"),
    (b'{"prompt": "a", "tools": 99999999999999999999999}', 422, "#/tools"),
    (json.dumps({"prompt": "a", "tenant": "t" * 300}).encode(), 422, "#/tenant"),
]


@pytest.mark.parametrize(("body", "status", "pointer"), BAD_BODIES)
def test_bad_body_gets_a_problem(client: Client, body: bytes, status: int, pointer: str | None) -> None:
    answer = client.post(ONE, body)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] in {kind.uri for kind in KINDS}
    assert problem["title"]
    assert len(problem["detail"]) > 10
    if pointer is None:
        assert "errors" not in problem
    else:
        assert [fault["pointer"] for fault in problem["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"prompt": "a\\ud800b"}', "a\ufffdb"),
        (b'{"prompt": "a\xed\xa0\x80b"}', "a\ufffdb"),
        (b'{"prompt": "\\ud83d\\ude00"}', "\U0001f600"),
        (b'{"messages": [{"role": "user", "content": "\\udfff!"}]}', "\ufffd!"),
        (b'\xef\xbb\xbf{"prompt": "hi"}', "hi"),
        (b'{"prompt": "a\\u0000b"}', "a\x00b"),
    ],
)
def test_broken_unicode_is_mended(client: Client, decider: LengthDecider, body: bytes, text: str) -> None:
    assert client.post(ONE, body).status == 200
    assert decider.seen[-1].messages[0].text == text


def test_takes_what_openai_clients_send(client: Client, decider: LengthDecider) -> None:
    body = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}, {"id": "2"}], "refusal": None},
            {"role": "tool", "tool_call_id": "1", "content": "42"},
        ],
        "tools": None,
    }
    assert client.post(ONE, body).status == 200
    system, user, assistant, tool = decider.seen[-1].messages
    assert (system.role, user.text, user.images, assistant.tool_calls, tool.text) == ("developer", "See", 1, 2, "42")


def test_lists_many_faults_but_not_all(client: Client) -> None:
    problem = client.post(ONE, {"prompt": "a", **{f"f{place}": 1 for place in range(100)}}).json()
    assert len(problem["errors"]) == MAX_FAULTS
    assert "more" in problem["detail"]


def test_batch_answers_each_item_in_its_place(client: Client, decider: LengthDecider) -> None:
    answer = client.post(BATCH, {"requests": [{"prompt": "a"}, {"promt": "b"}, {"prompt": "c" * 300}]})
    assert answer.status == 200
    first, second, third = answer.json()["results"]
    assert first["decision"]["arm"] == "direct"
    assert second["problem"]["errors"][0]["pointer"] == "#/promt"
    assert third["decision"]["arm"] == "reasoning"
    assert len(decider.seen) == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/requests"),
        ({"requests": []}, "#/requests"),
        ({"requests": {}}, "#/requests"),
        ([], "#"),
        ({"requests": [{"prompt": "a"}], "more": 1}, "#/more"),
        ({"requests": [{"prompt": "a"}] * 4}, "#/requests"),
    ],
)
def test_batch_that_cannot_be_read_is_refused(client: Client, body: object, pointer: str) -> None:
    answer = client.post(BATCH, body)
    assert answer.status == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(("fallback", "arm"), [("baseline", "direct"), ("reason", "reasoning"), ("prior", "direct")])
def test_broken_engine_fails_no_request(fallback: Fallback, arm: str, caplog: pytest.LogCaptureFixture) -> None:
    service = make_service(BrokenDecider(), fallback, LengthDecider() if fallback == "prior" else None)
    client = client_of(service)
    with caplog.at_level(logging.DEBUG):
        answers = [client.post(ONE, {"prompt": "the secret word", "deadline_ms": 7}) for _ in range(3)]
        batch = client.post(BATCH, {"requests": [{"prompt": "the secret word"}]})
    for answer in answers:
        assert answer.status == 200
        decision = DecisionAnswer.model_validate(answer.json())
        assert (decision.fallback, decision.arm, decision.bundle_id) == (fallback, arm, "fake")
    assert batch.json()["results"][0]["decision"]["fallback"] == fallback
    assert (service.stats.decisions, service.stats.fallbacks, service.stats.coverage) == (4, 4, 0.0)
    assert client.get("/v1/model").json()["fallbacks"] == 4
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text
    assert len([record for record in caplog.records if record.name.startswith("thinkgate")]) == 1


def test_broken_prior_leaves_the_baseline() -> None:
    client = client_of(make_service(BrokenDecider(), "prior", BrokenDecider()))
    assert client.post(ONE, {"prompt": "a"}).json()["fallback"] == "baseline"


def test_numbers_that_are_none_fall_back() -> None:
    class Unsound(LengthDecider):
        def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
            decision = super().decide(request, runtime_state)
            object.__setattr__(decision, "support", float("nan"))
            return decision

    assert client_of(make_service(Unsound())).post(ONE, {"prompt": "a"}).json()["fallback"] == "baseline"


def test_stages_of_a_decision_are_timed() -> None:
    stages: list[tuple[int, int, int]] = []
    service = make_service(LengthDecider())
    decisions = DecisionRoutes(service, SMALL, lambda *nanoseconds: stages.append(nanoseconds), Ticks())
    client = Client(decisions.decide)
    assert client.post(ONE, {"prompt": "a"}).status == 200
    assert stages == [(1000, 1000, 1000)]  # one tick each: to read the body, to decide, to send
    assert client.post(ONE, {"promt": "a"}).status == 422
    assert len(stages) == 1


def test_sinks_learn_of_a_decision_whose_answer_could_not_be_sent() -> None:
    service = make_service(LengthDecider())

    class Gone(Exception):
        pass

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b'{"prompt": "a"}'}

    async def send(_event: object) -> None:
        raise Gone

    scope = {"type": "http", "method": "POST", "path": ONE, "headers": [(b"content-type", b"application/json")]}
    with pytest.raises(Gone):
        asyncio.run(DecisionRoutes(service, SMALL).decide(scope, receive, send))
    assert service.stats.decisions == 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        name: JSON_VALUES
        | st.sampled_from(["a", 1, 0.5, [], {}, "high"])
        | st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["user", "assistant", "king"]), "content": JSON_VALUES},
                optional={"tool_calls": JSON_VALUES},
            ),
            max_size=3,
        )
        for name in ("messages", "prompt", "deadline_ms", "max_cost_usd", "client_effort", "tools", "tenant", "odd")
    },
)
ANY = client_of(make_service(LengthDecider()), SMALL).app
BODIES = st.binary(max_size=200) | NEARLY.map(lambda value: json.dumps(value).encode())


@settings(max_examples=300, deadline=None)
@given(BODIES)
def test_no_body_gets_5xx(body: bytes) -> None:
    client = Client(ANY)
    for path, content in ((ONE, body), (BATCH, b'{"requests":[' + body + b"]}")):
        answer = client.post(path, content)
        assert answer.status in (200, 400, 413, 422)
        document = answer.json()
        assert ("arm" in document or "results" in document) == (answer.status == 200)
