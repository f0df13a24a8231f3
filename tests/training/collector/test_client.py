"""The client against an endpoint that misbehaves: retries, time limits, pace and cost."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest

from serving.decision.types import Arm, ReasoningSwitch
from tests.support.collection_jobs import job, records
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.call_log import open_call_log
from training.collector.client import EndpointRefused, body_for, effort_sent
from training.collector.run import collect


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


def test_a_refused_prompt_fails_alone_and_a_refused_key_ends_the_run(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    endpoint.fault = lambda key, tried: 400 if "(0)" in key else None
    assert collect(job(tmp_path, endpoint)).failed == {"status 400": 2}
    assert max(endpoint.seen.values()) == 1
    endpoint.fault = lambda key, tried: 401
    with pytest.raises(EndpointRefused, match="check the address, the key"):
        collect(job(tmp_path, endpoint))


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


def test_the_wait_that_the_endpoint_asks_for_is_kept(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    endpoint.fault = lambda key, tried: 429 if tried == 1 else None  # with Retry-After: 0.05
    work = job(tmp_path, endpoint, 1)
    since = time.monotonic()
    collect(replace(work, settings=replace(work.settings, backoff_s=30.0)))
    assert 0.05 <= time.monotonic() - since < 10


@pytest.mark.parametrize(
    ("arm", "sent"),
    [
        (Arm("direct", "gpt-5.1", "none"), "none"),
        (Arm("reasoning", "gpt-5.1", "high"), "high"),
        (Arm("small", "tiny-1", "high"), None),
    ],
)
def test_the_effort_is_sent_in_the_dialect_of_the_model(arm: Arm, sent: str | None) -> None:
    body = body_for(arm, '[{"role":"user","content":"Hi"}]', 100)
    assert body.get("reasoning_effort") == effort_sent(arm) == sent
    assert (body["model"], body["messages"]) == (arm.model, [{"role": "user", "content": "Hi"}])
    assert ("max_tokens" in body) or ("max_completion_tokens" in body)


def test_an_arm_with_a_switch_of_its_own_is_collected_with_it() -> None:
    switch = ReasoningSwitch((("off", ()), ("on", (("knobs.think", True),))))
    arm = Arm("small", "tiny-1", "high", reasoning=switch)
    assert body_for(arm, '[{"role":"user","content":"Hi"}]', 100)["knobs"] == {"think": True}
    assert effort_sent(arm) == "high"


def test_a_call_without_usage_has_neither_tokens_nor_cost(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    endpoint.fault = lambda key, tried: "no_usage"
    work = job(tmp_path, endpoint, 1)
    collect(work)
    with open_call_log(work.log) as log:
        calls = list(log.calls.values())
    assert {(call.input_tokens, call.output_tokens, call.cost_usd) for call in calls} == {(None, None, None)}
    assert all(call.text == "391" for call in calls)
