"""The client against an endpoint that misbehaves: retries, time limits, pace and cost."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.collection_jobs import job, records
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.client import EndpointRefused
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
