"""Decayed sums: the half-life, the slow decay of the last few calls, and realised over forecast."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.control.decayed_stats import DecayedRatio, decay

HALF_LIFE = 60.0


def test_half_is_left_after_a_half_life() -> None:
    assert decay(100.0, HALF_LIFE, HALF_LIFE) == 0.5
    assert decay(100.0, 3 * HALF_LIFE, HALF_LIFE) == 0.125


@pytest.mark.parametrize(("weight", "seconds"), [(0.0, 60.0), (10.0, 0.0), (10.0, -5.0)])
def test_nothing_to_forget_leaves_all(weight: float, seconds: float) -> None:
    assert decay(weight, seconds, HALF_LIFE) == 1.0


def test_the_last_few_calls_decay_twenty_times_as_slowly() -> None:
    assert decay(20.0, HALF_LIFE, HALF_LIFE, few=20.0) == pytest.approx(0.5 ** (1 / 20))
    assert decay(20.0, HALF_LIFE, HALF_LIFE) == 0.5


@given(st.floats(0.1, 1e4), st.floats(0.0, 1e5), st.floats(0.0, 1e4), st.floats(0.0, 100.0))
def test_more_time_never_leaves_more(weight: float, seconds: float, more: float, few: float) -> None:
    early, late = decay(weight, seconds, HALF_LIFE, few), decay(weight, seconds + more, HALF_LIFE, few)
    assert 0.0 <= late <= early + 1e-12 <= 1.0 + 1e-12


def test_ratio_pulls_towards_one_as_much_as_it_is_doubted() -> None:
    known = DecayedRatio()
    for second in range(20):
        known = known.updated(200.0, 100.0, float(second), 1e9, 0.0)
    assert known.calls == pytest.approx(20.0, rel=1e-6)
    assert known.factor(0.0) == pytest.approx(2.0)
    assert known.factor(20.0) == pytest.approx(1.5)
    assert DecayedRatio().factor(20.0) == 1.0


def test_one_call_counts_ten_times_its_forecast_at_most() -> None:
    assert DecayedRatio().updated(1e9, 100.0, 0.0, HALF_LIFE, 0.0).realised == 1000.0
    assert DecayedRatio().updated(-5.0, 100.0, 0.0, HALF_LIFE, 0.0).realised == 0.0


def test_a_clock_that_goes_back_forgets_nothing() -> None:
    known = DecayedRatio(10.0, 5.0, 5.0, at=100.0)
    assert known.decayed(40.0, HALF_LIFE, 0.0) == known
