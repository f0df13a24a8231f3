"""A call in a gateway's hands: the rules judge what reaches the provider, and set only what does; the model stays."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.engine import RecordedDecision
from serving.decision.errors import BadRequest
from serving.decision.selection.arm_scoring import EveryArmDenied
from serving.decision.types import Request
from serving.http_api.webhooks.forwarding import Forwarding
from serving.http_api.webhooks.gateway_call import Context, GatewayCall, read_context, rewrite_call
from serving.schemas.problems import NOT_JSON, Problem, Rejected
from serving.service.applied import Rewriting
from serving.service.decision_service import DecisionService
from tests.support.fakes import LengthDecider, make_service

LONG = "Prove it step by step. " * 20
CHAT = Forwarding("chat", "", frozenset({"reasoning_effort", "max_tokens", "max_completion_tokens"}))
PLAIN = Context({}, False)


class Heard:
    """Keeps what the sinks hear."""

    def __init__(self) -> None:
        self.all: list[RecordedDecision] = []

    def decided(self, request: Request, decided: RecordedDecision) -> None:
        assert request.messages
        self.all.append(decided)


def body(model: str = "gpt-5.1", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": LONG}], **more}


def rewritten(call: dict[str, Any], forwarding: Forwarding = CHAT, context: Context = PLAIN) -> Rewriting:
    service = make_service(LengthDecider())
    found = rewrite_call(service, GatewayCall(call, forwarding, "plano"), context, (), lambda _: b"")
    assert found[0] == b""
    return found[1]


def test_effort_and_limit_are_set_where_both_pass() -> None:
    found = rewritten(body("grok-4.3", max_tokens=900, seed=7)).rewritten
    assert found.body == body("grok-4.3", max_tokens=17_408, seed=7, reasoning_effort="high")
    assert (found.effort, found.not_applied, found.model) == ("high", "", "grok-4.3")


@pytest.mark.parametrize(
    ("call", "forwarding"),
    [
        (body("glm-4.6"), CHAT),  # its words are `thinking`
        (body("gpt-5.1"), Forwarding("chat")),
        (body("claude-opus-4-6", max_tokens=900), Forwarding("messages", "", frozenset({"thinking", "max_tokens"}))),
        ({"model": "gpt-5.1", "input": LONG}, Forwarding("responses")),
    ],
)
def test_words_that_the_gateway_drops_are_not_set(call: dict[str, Any], forwarding: Forwarding) -> None:
    found = rewritten(call, forwarding).rewritten
    assert (found.body, found.changed, found.not_applied) == (call, False, "no_words")


def test_what_a_model_does_without_words_is_told() -> None:
    assert rewritten(body("glm-4.6")).rewritten.asked_effort == "high"
    assert rewritten(body("gpt-5.1"), Forwarding("chat")).rewritten.asked_effort == "none"


def test_an_effort_that_the_gateway_drops_is_no_clients_effort() -> None:
    call = body(reasoning={"effort": "low"}, thinking={"type": "enabled"})
    found = rewritten(call)
    assert found.parsed.request.client_effort is None
    assert found.rewritten.body == {**call, "reasoning_effort": "high"}
    assert rewritten(body(reasoning_effort="low")).parsed.request.client_effort == "low"


def test_the_model_stays_and_what_fits_it_is_set() -> None:
    found = rewritten(body("o3"))  # decided: gpt-5.1, high
    assert found.rewritten.body == body("o3", reasoning_effort="high")
    assert (found.rewritten.model, found.decided.decision.model) == ("o3", "gpt-5.1")


@pytest.mark.parametrize("model", [None, "", 7, ["gpt-5.1"]])
def test_a_call_without_a_model_is_left_alone(model: object) -> None:
    told: list[tuple[str, str]] = []
    service = DecisionService(
        make_service(LengthDecider()).slot, "baseline", lambda: 0, str, passed_over=lambda *each: told.append(each)
    )
    with pytest.raises(BadRequest, match="no model"):
        rewrite_call(service, GatewayCall({**body(), "model": model}, CHAT, "portkey"), PLAIN, (), lambda _: b"")
    assert told == [("body_unread", "portkey")]


def test_sampling_goes_where_the_operator_lets_it() -> None:
    assert not rewritten(body(temperature=0.2)).rewritten.changed
    dropped = rewritten(body(temperature=0.2), context=Context({}, True)).rewritten
    assert dropped.body == body(reasoning_effort="high")


def test_context_is_read_from_headers_and_the_query_wins() -> None:
    headers = [(b"x-thinkgate-tenant", b"acme"), (b"x-thinkgate-drop-sampling", b"true"), (b"authorization", b"secret")]
    found = read_context({"headers": headers, "query_string": b""})
    assert (found.headers["x-thinkgate-tenant"], found.drop_sampling) == ("acme", True)
    assert "authorization" not in found.headers
    assert not read_context({"headers": headers, "query_string": b"drop-sampling=false"}).drop_sampling


def test_headers_reach_the_decision() -> None:
    found = rewritten(body(), context=Context({"x-thinkgate-tenant": "acme", "x-thinkgate-task": "maths"}, False))
    assert (found.parsed.request.tenant, found.parsed.request.task) == ("acme", "maths")
    with pytest.raises(BadRequest, match="deadline"):
        rewritten(body(), context=Context({"x-thinkgate-deadline-ms": "soon"}, False))


def test_an_answer_that_cannot_be_written_is_journalled_as_not_applied() -> None:
    heard = Heard()
    service = make_service(LengthDecider(), sinks=(heard,))

    def fail(_: Rewriting) -> bytes:
        raise Rejected(Problem(NOT_JSON, "too deep"))

    with pytest.raises(Rejected):
        rewrite_call(service, GatewayCall(body(), CHAT, "plano"), PLAIN, (), fail)
    (applied,) = [each.applied for each in heard.all]
    assert applied is not None
    assert (applied.not_applied, applied.effort, applied.integration) == ("failed", None, "plano")


def test_a_denied_caller_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    service = DecisionService(
        make_service(LengthDecider()).slot, "baseline", lambda: 0, str, passed_over=lambda *each: told.append(each)
    )

    def deny(*_: object) -> None:
        raise EveryArmDenied("nothing is left")

    monkeypatch.setattr(service, "answer", deny)
    with pytest.raises(EveryArmDenied):
        rewrite_call(service, GatewayCall(body(), CHAT, "plano"), PLAIN, (), lambda _: b"")
    assert told == [("refused", "plano")]
