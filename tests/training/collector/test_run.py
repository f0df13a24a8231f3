"""Whole collections against a fake endpoint: no call lost, none paid for twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serving.decision.types import Arm, Price
from tests.support.collection_jobs import ARMS, USD_A_CALL, job, records
from tests.support.collector_kills import kill_often
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.job import CollectionResult
from training.collector.run import collect, estimate_cost
from training.records.history import read


def test_every_prompt_goes_through_every_arm(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    made = collect(job(tmp_path, endpoint, runs=2, key="sk-only-a-test"))
    assert (made.written, made.failed, made.remaining, made.ungraded) == (12, {}, 0, {})
    assert made.spent_usd == pytest.approx(12 * USD_A_CALL)
    rows = records(tmp_path)
    assert {(row["arm"], row["run"]) for row in rows} == {
        (arm, run) for arm in ("direct", "reasoning") for run in (1, 2)
    }
    row = rows[0]
    assert (row["input_tokens"], row["output_tokens"], row["reasoning_tokens"]) == (10, 50, 40)
    assert row["cost_usd"] == pytest.approx(USD_A_CALL)
    assert row["latency_ms"] > 0
    assert (row["success"], row["retries"], row["model"]) == (1.0, 0, "gpt-5.1-2025-11-13")
    assert {body["reasoning_effort"] for body in endpoint.bodies} == {"none", "high"}
    assert set(endpoint.keys) == {"Bearer sk-only-a-test"}
    assert not any("sk-only" in file.read_text() for file in tmp_path.iterdir())
    assert read(tmp_path / "out.jsonl", arms=ARMS).counts.kept == 12


def test_a_call_that_keeps_failing_is_no_outcome_and_is_made_again(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    endpoint.fault = lambda key, tried: 500 if "high" in key else None
    made = collect(job(tmp_path, endpoint, 2))
    assert (made.written, made.failed) == (2, {"status 500": 2})
    aside = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert [row["kind"] for row in aside] == ["call failed"] * 2
    endpoint.fault = lambda key, tried: None
    made = collect(job(tmp_path, endpoint, 2))
    assert (made.written, made.failed) == (4, {})
    assert set(endpoint.paid.values()) == {1}


def test_without_usage_tokens_and_cost_are_unknown_and_the_budget_counts_the_forecast(
    endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    endpoint.fault = lambda key, tried: "no_usage"
    work = job(tmp_path, endpoint)
    before = estimate_cost(work)
    made = collect(work)
    assert made.spent_usd == pytest.approx(before.usd)
    assert not any("cost_usd" in row or "output_tokens" in row for row in records(tmp_path))


def judged(body: dict[str, Any]) -> str:
    asked = body["messages"][-1]["content"]
    if "Rubric:" not in asked:
        return "three hundred and ninety-one"
    return (
        '{"answer_1": 9, "answer_2": 10}'
        if asked.index("ninety") < asked.index("<answer_2>")
        else '{"answer_1": 10, "answer_2": 7}'
    )


def test_a_judge_is_asked_in_both_orders_and_paid_once(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    endpoint.answer = judged
    rows = [{"prompt": "What is 17 * 23?", "answer": "391", "grader": "judge"}]
    work = job(tmp_path, endpoint, rows, judge=Arm("judge", "gpt-5.1-mini", price=Price(1.0, 2.0)))
    assert estimate_cost(work).calls == 2 + 4
    made: CollectionResult = collect(work)
    assert {row["success"] for row in records(tmp_path)} == {0.8}
    assert estimate_cost(work).calls == 0
    collect(work)
    assert sum(endpoint.paid.values()) == 6 == len(endpoint.paid) + 2  # both arms gave the judge the same to read
    assert made.spent_usd > 2 * USD_A_CALL


def test_a_judge_that_is_not_named(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    rows = [{"prompt": "What is 17 * 23?", "answer": "391", "grader": "judge"}]
    with pytest.raises(Exception, match="--judge-model"):
        collect(job(tmp_path, endpoint, rows))


def test_killed_three_times_nothing_is_lost_and_little_is_paid_twice(tmp_path: Path) -> None:
    """The long form is `make bench NAME=collector`."""
    found = kill_often(tmp_path, prompts=60, kills=3)
    assert (found.records, found.lost) == (120, 0)
    assert found.repeated <= found.in_flight
