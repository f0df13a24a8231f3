"""Planned calls, estimates and the spend limit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from serving.decision.pricing.price_book import price_book
from serving.decision.types import Arm, Price
from tests.support.collection_jobs import ARMS, job
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.cost_plan import SpendLimit, judge_usd, plan_calls
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


def test_a_call_is_admitted_only_if_spent_reserved_and_its_own_cost_fit() -> None:
    limit = SpendLimit(1.0, spent_usd=0.4)
    assert limit.idle
    assert limit.fits(0.6)
    assert not limit.fits(0.61)
    limit.reserve(0.5)
    assert not limit.idle
    assert not limit.fits(0.2)
    limit.settle(0.5, 0.1)
    assert limit.idle
    assert limit.spent_usd == pytest.approx(0.5)
    assert limit.fits(0.5)


def test_no_cap_admits_every_call() -> None:
    assert SpendLimit(None, 1e9).fits(1e9)


def test_rounding_of_reservations_does_not_add_up() -> None:
    limit = SpendLimit(0.3, 0.0)
    for _ in range(1000):
        limit.reserve(0.1)
        limit.reserve(0.2)
        limit.settle(0.1, 0.0)
        limit.settle(0.2, 0.0)
    assert limit.fits(0.3)


def test_calls_are_planned_so_that_an_interrupted_run_stays_paired(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    arms = (ARMS[0], replace(ARMS[1], default_output_tokens=2500.0))
    work = job(tmp_path, endpoint, 2, arms=arms, runs=2)
    planned = list(plan_calls(work, price_book(work.arms), 0.0))
    assert [call.arm.name for call in planned] == ["direct", "reasoning"] * 4
    prompts = [call.key.split("|")[0] for call in planned]
    assert prompts == [prompts[0]] * 4 + [prompts[4]] * 4
    assert len({call.key for call in planned}) == 8
    assert planned[1].estimate_usd > planned[0].estimate_usd > 0


def test_a_judge_call_costs_more_for_a_longer_answer(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    prompt = job(tmp_path, endpoint, 1).prompts.prompts[0]
    judge = Arm("judge", "m", price=Price(1.0, 2.0))
    book = price_book([judge])
    short, long = (judge_usd(judge, prompt, "x" * chars, book, 0.0) for chars in (0, 4_000_000))
    assert long - short == pytest.approx(1.0)  # a million tokens of input
