"""One contract for outcomes, over HTTP and over gRPC against the real server and its journal."""

from __future__ import annotations

import pytest

from tests.contracts.conftest import CLIENTS
from tests.support.decision_clients import ApiClient, Json
from tests.support.servers import start_server, stop_server

WHOLE: Json = {
    "decision_id": "01J",
    "success": 0.5,
    "input_tokens": 10,
    "cached_input_tokens": 4,
    "output_tokens": 900,
    "reasoning_tokens": 700,
    "cost_usd": 0.01,
    "gpu_seconds": 0.0,
    "latency_ms": 812.5,
    "retries": 1,
    "failure_mode": "timeout",
    "arm": "direct",
    "model": "gpt-5.1",
    "source": "judge",
    "applied_effort": "low",
    "applied_model": "gpt-5.1",
    "timestamp": 1.7e9,
}


def test_outcomes_of_decisions_are_taken(client: ApiClient) -> None:
    decision = client.decide({"prompt": "Hi"}).decision
    assert decision
    outcome = {"decision_id": decision["decision_id"], "success": 1.0}
    assert client.report([outcome]).accepted == 1
    assert client.report([outcome, {**outcome, "success": 0.0}, WHOLE]).accepted == 3


BAD: list[tuple[Json, str]] = [
    ({"success": 1.0}, "#/1/decision_id"),
    ({"decision_id": "d" * 300}, "#/1/decision_id"),
    ({"decision_id": "d", "success": 7.0}, "#/1/success"),
    ({"decision_id": "d", "success": -0.1}, "#/1/success"),
    ({"decision_id": "d", "output_tokens": 2**60}, "#/1/output_tokens"),
    ({"decision_id": "d", "cost_usd": -1.0}, "#/1/cost_usd"),
    ({"decision_id": "d", "latency_ms": 1e300}, "#/1/latency_ms"),
    ({"decision_id": "d", "failure_mode": "mood"}, "#/1/failure_mode"),
    ({"decision_id": "d", "arm": "a" * 300}, "#/1/arm"),
    ({"decision_id": "d", "source": "me"}, "#/1/source"),
    ({"decision_id": "d", "applied_effort": "much"}, "#/1/applied_effort"),
    ({"decision_id": "d", "applied_model": "m" * 300}, "#/1/applied_model"),
    ({"decision_id": "d", "timestamp": -1.0}, "#/1/timestamp"),
]


@pytest.mark.parametrize(("outcome", "pointer"), BAD)
def test_bad_outcomes_are_refused_as_a_whole(client: ApiClient, outcome: Json, pointer: str) -> None:
    problem = client.report([WHOLE, outcome]).problem
    assert problem
    assert problem["status"] == 422
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]


def test_empty_report_is_refused(client: ApiClient) -> None:
    problem = client.report([]).problem
    assert problem
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "#")


def test_server_without_a_journal_says_so() -> None:
    running = start_server("--grpc-port", "0", "--journal", "none")
    for make in CLIENTS.values():
        client = make(running)
        problem = client.report([WHOLE]).problem
        assert problem
        assert problem["type"] == "urn:thinkgate:problem:no-journal"
        assert "--journal" in problem["detail"]
        client.close()
    stop_server(running)
