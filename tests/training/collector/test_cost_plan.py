"""Planned calls, estimates and the spend limit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from serving.decision.types import Price
from tests.support.collection_jobs import ARMS, job
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.run import collect, estimate_cost


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
