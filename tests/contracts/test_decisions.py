"""One contract, run over HTTP and over gRPC against the real server: decisions, batches, bad input, fallback."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest

from serving.schemas.models import DecisionAnswer
from serving.schemas.problems import KINDS
from tests.contracts.conftest import CLIENTS
from tests.support.decision_clients import ApiAnswer, ApiClient, Json
from tests.support.servers import ROOT, Running, stop_server

TRIVIA = "What is the capital of France?"
PROOF = {"prompt": "Prove that the square root of 2 is irrational.", "value_of_success_usd": 5.0}


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def test_decides(client: ApiClient) -> None:
    trivia, proof = client.decide({"prompt": TRIVIA}).decision, client.decide(PROOF).decision
    assert trivia
    assert proof
    assert (trivia["arm"], trivia["effort"], proof["arm"]) == ("direct", "none", "reasoning")
    assert trivia["decision_id"] < proof["decision_id"]
    assert set(proof["estimates"]) == {"direct", "reasoning"}
    assert proof["policy"].startswith("contract@")
    for decision in (trivia, proof):
        DecisionAnswer.model_validate(decision)
        assert decision["fallback"] == "prior"  # a cold start: no trained model made it


def test_both_apis_answer_the_same(both: Running) -> None:
    over_http, over_grpc = (make(both) for make in CLIENTS.values())
    cases: list[Json] = [
        PROOF,
        {"messages": [{"role": "system", "content": "Be brief."}, user("Plan a move to Bern."), user("Größe?")]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url"}]}]},
        {"messages": [user("Go on"), {"role": "assistant", "content": None, "tool_calls": [{}, {}]}], "tools": 3},
        {"prompt": "Sum 1 to 9.", "deadline_ms": 900.5, "max_cost_usd": 0.0, "tenant": "t", "session_id": "s"},
        {"prompt": "Sum 1 to 9.", "client_effort": "low", "task": "maths", "model": "m"},
    ]
    for case in cases:
        first, second = over_http.decide(case).decision, over_grpc.decide(case).decision
        assert first
        assert second
        for answer in (first, second):
            del answer["decision_id"], answer["elapsed_us"]
        assert first == second, case
    over_http.close()
    over_grpc.close()


BAD: list[tuple[Json, str]] = [
    ({}, "#"),
    ({"prompt": ""}, "#/prompt"),
    ({"prompt": " \n"}, "#/prompt"),
    ({"prompt": "a", "messages": [user("a")]}, "#/prompt"),
    ({"messages": [{"role": "king", "content": "a"}]}, "#/messages/0/role"),
    ({"messages": [user("a"), {"role": "", "content": "a"}]}, "#/messages/1/role"),
    ({"messages": [{"role": "user", "content": ""}]}, "#/messages"),
    ({"messages": [user("a")] * 6}, "#/messages"),
    ({"prompt": "a", "deadline_ms": 0.0}, "#/deadline_ms"),
    ({"prompt": "a", "deadline_ms": 1e300}, "#/deadline_ms"),
    ({"prompt": "a", "max_cost_usd": -1.0}, "#/max_cost_usd"),
    ({"prompt": "a", "value_of_success_usd": -0.01}, "#/value_of_success_usd"),
    ({"prompt": "a", "client_effort": "huge"}, "#/client_effort"),
    ({"prompt": "a", "tools": 100_001}, "#/tools"),
    ({"prompt": "a", "tenant": "t" * 300}, "#/tenant"),
    ({"prompt": "a", "session_id": "t" * 300}, "#/session_id"),
]


@pytest.mark.parametrize(("request_", "pointer"), BAD)
def test_bad_input_gets_a_problem_with_a_cure(client: ApiClient, request_: Json, pointer: str) -> None:
    problem = _problem(client.decide(request_), 422)
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert problem["errors"][0]["detail"] in problem["detail"]


def test_what_is_no_message_gets_a_problem(client: ApiClient) -> None:
    problem = client.garbage().problem
    assert problem
    assert problem["status"] in (400, 422)
    assert "send" in problem["detail"]


def test_rules_of_the_policy_read_headers(client: ApiClient) -> None:
    assert client.decide(PROOF, {"x-plan": "basic"}).decision["arm"] == "direct"  # type: ignore[index]
    assert _problem(client.decide(PROOF, {"x-plan": "none"}), 403)["type"] == "urn:thinkgate:problem:denied"


def test_batch_answers_each_item_in_its_place(client: ApiClient) -> None:
    first, second, third = client.decide_batch([{"prompt": TRIVIA}, {"prompt": ""}, PROOF]).results
    assert first.decision
    assert third.decision
    assert (first.decision["arm"], third.decision["arm"]) == ("direct", "reasoning")
    assert _problem(second, 422)["errors"][0]["pointer"] == "#/prompt"


@pytest.mark.parametrize("count", [0, 4])
def test_batch_of_the_wrong_size_is_refused(client: ApiClient, count: int) -> None:
    problem = _problem(client.decide_batch([{"prompt": "a"}] * count), 422)
    assert [fault["pointer"] for fault in problem["errors"]] == ["#/requests"]


@pytest.mark.parametrize("text", ["a\x00b", "\U0001f600" * 50, "日本語のテキスト", "a " * 15_000, "\ufffd\u202e"])
def test_any_text_is_decided_on(client: ApiClient, text: str) -> None:
    decision = client.decide({"prompt": text}).decision
    assert decision
    assert math.isfinite(decision["support"])


def test_broken_engine_fails_no_request() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.broken_server"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    running = Running(process, process.stdout.readline())
    try:
        for make in CLIENTS.values():
            client = make(running)
            decision = client.decide({"prompt": "the secret word", "deadline_ms": 7.0}).decision
            assert decision
            assert (decision["fallback"], decision["arm"], decision["bucket"]) == ("reason", "reasoning", "maybe")
            (item,) = client.decide_batch([{"prompt": "the secret word"}]).results
            assert item.decision
            assert item.decision["fallback"] == "reason"
            client.close()
        assert running.end() == 0
        log = running.log()
        assert "RuntimeError" in log
        assert "secret" not in log
    finally:
        stop_server(running)


def _problem(answer: ApiAnswer, status: int) -> dict[str, Any]:
    problem = answer.problem
    assert problem, answer
    assert problem["status"] == status
    assert problem["type"] in {kind.uri for kind in KINDS}
    assert problem["title"]
    assert len(problem["detail"]) > 10
    return problem
