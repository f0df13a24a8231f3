"""Reported successes against the forecast: moved by what chance does not explain, bounded, and forgotten."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from serving.control.success_bias import SuccessBias

HOUR = 3600.0
reports = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=200)


def after(reports: list[tuple[float, float]]) -> SuccessBias:
    delivery = SuccessBias()
    for second, (success, expected) in enumerate(reports):
        delivery = delivery.updated(success, expected, float(second), 6 * HOUR)
    return delivery


@given(reports, st.floats(0, 1))
def test_it_never_moves_more_than_the_policy_allows(told: list[tuple[float, float]], most: float) -> None:
    assert -most <= after(told).shift(most) <= most


@given(reports, st.floats(0, 1))
def test_one_more_failure_never_raises_an_arm_and_one_more_success_never_lowers_it(
    told: list[tuple[float, float]], expected: float
) -> None:
    base = after(told)
    worse, better = (base.updated(success, expected, len(told), 6 * HOUR).shift(1.0) for success in (0.0, 1.0))
    assert worse <= better


def test_chance_alone_moves_hardly_anything() -> None:
    rng = random.Random(3)
    shifts = [after([(float(rng.random() < 0.7), 0.7) for _ in range(300)]).shift(0.3) for _ in range(200)]
    assert sum(1 for shift in shifts if shift) < 20
    assert max(map(abs, shifts)) < 0.05


def test_an_arm_that_does_not_deliver_loses_its_lead_and_gets_another_chance() -> None:
    rng = random.Random(4)
    poor = after([(float(rng.random() < 0.4), 0.8) for _ in range(300)])
    assert poor.shift(0.3) == -0.3
    assert -0.3 < poor.decayed(300 + 18 * HOUR, 6 * HOUR).shift(0.3) < -0.02
    assert poor.decayed(300 + 72 * HOUR, 6 * HOUR).shift(0.3) == 0.0


def test_false_confidence_of_a_few_calls_is_no_verdict() -> None:
    assert after([(0.0, 0.99)] * 3).shift(0.3) == 0.0
    assert after([(0.0, 0.99)] * 20).shift(0.3) == -0.3
