"""The collector against an endpoint that misbehaves: nothing lost, nothing paid twice, the budget kept."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serving.decision.types import Arm, Price
from tests.support.collector_kills import kill_often
from tests.support.fake_llm_endpoint import FakeEndpoint, serve
from training.collector.call_log import open_call_log
from training.collector.client import CallSettings, EndpointRefused
from training.collector.job import CollectionResult, Job
from training.collector.prompt_file import read_prompts
from training.collector.run import collect, estimate_cost
from training.errors import BadHistory, TrainingError
from training.records.history import read

ARMS = (Arm("direct", "gpt-5.1", "none"), Arm("reasoning", "gpt-5.1", "high"))
USD_A_CALL = 10 * 1.25e-6 + 50 * 10e-6


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with serve(FakeEndpoint()) as served:
        yield served


def job(folder: Path, endpoint: FakeEndpoint, rows: list[dict[str, Any]] | int = 3, **more: Any) -> Job:
    if isinstance(rows, int):
        rows = [{"prompt": f"What is 17 * 23 ({n})?", "answer": "391", "grader": "numeric"} for n in range(rows)]
    path = folder / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = CallSettings(endpoint.url, per_second=1000, attempts=3, timeout_s=5, backoff_s=0.01)
    base = Job(read_prompts(path), ARMS, settings, folder / "calls.jsonl", folder / "out.jsonl", folder / "q.jsonl")
    return replace(base, **more)


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


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


@pytest.mark.parametrize("fault", [429, 500, 503, "cut", "torn", "malformed"])
def test_a_passing_fault_is_tried_again(endpoint: FakeEndpoint, tmp_path: Path, fault: int | str) -> None:
    endpoint.fault = lambda key, tried: fault if tried == 1 else None
    made = collect(job(tmp_path, endpoint, 2))
    assert (made.written, made.failed) == (4, {})
    assert {row["retries"] for row in records(tmp_path)} == {1}


def test_a_call_that_hangs_is_an_outcome(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    endpoint.fault = lambda key, tried: "hang" if "high" in key else None
    work = job(tmp_path, endpoint, 1)
    made = collect(replace(work, settings=replace(work.settings, timeout_s=0.2, attempts=2)))
    assert made.written == 2
    late = next(row for row in records(tmp_path) if row["arm"] == "reasoning")
    assert (late["success"], late["failure_mode"], late["retries"]) == (0.0, "timeout", 1)
    assert "output_tokens" not in late


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


def test_a_refused_prompt_fails_alone_and_a_refused_key_ends_the_run(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    endpoint.fault = lambda key, tried: 400 if "(0)" in key else None
    assert collect(job(tmp_path, endpoint)).failed == {"status 400": 2}
    assert max(endpoint.seen.values()) == 1
    endpoint.fault = lambda key, tried: 401
    with pytest.raises(EndpointRefused, match="check the address, the key"):
        collect(job(tmp_path, endpoint))


def test_without_usage_tokens_and_cost_are_unknown_and_the_budget_counts_the_forecast(
    endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    endpoint.fault = lambda key, tried: "no_usage"
    work = job(tmp_path, endpoint)
    before = estimate_cost(work)
    made = collect(work)
    assert made.spent_usd == pytest.approx(before.usd)
    assert not any("cost_usd" in row or "output_tokens" in row for row in records(tmp_path))


def test_the_estimate_calls_nobody(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    work = job(tmp_path, endpoint)
    found = estimate_cost(work)
    assert (found.calls, found.spent_usd) == (6, 0.0)
    outputs = 3 * (ARMS[0].default_output_tokens + ARMS[1].default_output_tokens) * 10e-6
    assert outputs < found.usd < outputs * 1.1
    assert not endpoint.seen
    collect(work)
    assert estimate_cost(work).calls == 0


def test_the_cap_is_kept_over_restarts(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    price = Price(input=0.0, output=1000.0)  # 0.05 USD a call, 0.05 forecast
    arms = tuple(replace(arm, price=price, default_output_tokens=50.0) for arm in ARMS)
    work = job(tmp_path, endpoint, 10, arms=arms, max_usd=0.51, concurrency=4)
    first = collect(work)
    assert (first.written, first.remaining) == (10, 10)
    assert first.spent_usd == pytest.approx(0.5)
    again = collect(work)
    assert (again.written, again.remaining) == (10, 10)
    more = collect(replace(work, max_usd=2.0))
    assert (more.written, more.remaining) == (20, 0)
    assert sum(endpoint.paid.values()) == 20


def test_calls_that_cost_less_than_forecast_leave_room_for_more(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    price = Price(input=0.0, output=1000.0)  # 0.05 USD a call, 0.40 forecast
    arms = tuple(replace(arm, price=price, default_output_tokens=400.0) for arm in ARMS)
    endpoint.seconds = 0.05
    made = collect(job(tmp_path, endpoint, 10, arms=arms, max_usd=0.9, concurrency=4))
    assert made.spent_usd <= 0.9
    assert (made.written, made.remaining) == (11, 9)  # 0.55 is spent and 0.40 more would not fit
    assert endpoint.most_at_once == 2


def test_concurrency_and_pace_are_kept(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    endpoint.seconds = 0.05
    work = job(tmp_path, endpoint, 10, concurrency=3)
    collect(work)
    assert endpoint.most_at_once == 3
    (tmp_path / "slow").mkdir()
    work = job(tmp_path / "slow", endpoint, 5)
    since = time.monotonic()
    collect(replace(work, settings=replace(work.settings, per_second=20)))
    assert time.monotonic() - since >= 9 / 20 * 0.95  # ten calls, one every 50 ms: a floor, no speed


def test_latency_does_not_hold_the_wait_for_the_pace(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    ticks = iter(range(1000))
    work = job(tmp_path, endpoint, 2, concurrency=1)
    collect(work, clock=lambda: float(next(ticks)), rng=random.Random(1))
    assert {row["latency_ms"] for row in records(tmp_path)} == {1000.0}


def test_a_torn_last_line_is_a_call_that_was_never_finished(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    work = job(tmp_path, endpoint)
    collect(work)
    whole = work.log.read_bytes().splitlines(keepends=True)
    for cut in (whole[-1][:20], whole[-1].rstrip(b"\n")):
        work.log.write_bytes(b"".join(whole[:-1]) + cut)
        assert collect(work).written == 6
    assert sum(endpoint.paid.values()) == 8
    assert work.log.stat().st_mode & 0o077 == 0


def test_a_log_of_something_else_or_of_other_arms_is_refused(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    work = job(tmp_path, endpoint)
    collect(work)
    with pytest.raises(Exception, match="start a new log"):
        collect(replace(work, arms=(ARMS[0], replace(ARMS[1], effort="low"))))
    work.log.write_text('{"no": "log"}\n')
    with pytest.raises(BadHistory, match="not the log of a collector"):
        collect(work)


def test_two_collectors_never_share_a_log(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    work = job(tmp_path, endpoint)
    with open_call_log(work.log), pytest.raises(TrainingError, match="another collector"):
        collect(work)


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


def test_prompt_rows_that_are_none_are_told(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    rows = [{"prompt": "a"}, {"prompt": "a"}, {"prompt": ""}, {"prompt": "b", "grader": "guess"}]
    made = collect(job(tmp_path, endpoint, rows))
    assert (made.written, made.ungraded) == (2, {"no grader": 2})
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert kinds == ["duplicate prompt", "no prompt", "unknown grader"]


def test_killed_three_times_nothing_is_lost_and_little_is_paid_twice(tmp_path: Path) -> None:
    """The long form is `make bench NAME=collector`."""
    found = kill_often(tmp_path, prompts=60, kills=3)
    assert (found.records, found.lost) == (120, 0)
    assert found.repeated <= found.in_flight
