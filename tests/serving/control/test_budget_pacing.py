"""Pure arithmetic of budgets: what is left, what is to come, and the price between them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.control.budget_pacing import limit_change, plan_windows, solve_multiplier, window_bounds
from serving.control.demand_forecast import GRID, SpendHour, cost_ratio, fit_daily_profile
from serving.decision.policy.controls import HOUR_S, BudgetSettings
from serving.decision.types import Usd

MONDAY = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
DAY = BudgetSettings(day_usd=Usd(100.0))


def demand(usd: float) -> tuple[float, ...]:
    return tuple(usd / (1.0 + multiplier) for multiplier in GRID)


def hour_of(seconds: float) -> int:
    return int(seconds // HOUR_S)


falling = st.lists(st.floats(0, 1e4), min_size=len(GRID), max_size=len(GRID)).map(lambda v: sorted(v, reverse=True))


@given(falling, st.floats(-10, 1e4), st.floats(0, 1e4))
def test_more_left_never_raises_the_multiplier(ahead: list[float], left: float, more: float) -> None:
    assert 0.0 <= solve_multiplier(left + more, ahead) <= solve_multiplier(left, ahead) <= GRID[-1]


@given(falling, st.floats(0, 1e4))
def test_the_multiplier_spends_what_is_left(ahead: list[float], left: float) -> None:
    multiplier = solve_multiplier(left, ahead)
    place = next(i for i, known in enumerate(GRID) if multiplier <= known * (1 + 1e-12))
    if 0.0 < multiplier < GRID[-1]:
        slack = 1e-9 * max(ahead)
        assert ahead[place] - slack <= left <= ahead[place - 1] + slack
    elif multiplier == 0.0:
        assert left >= ahead[0]


@given(st.floats(0, 1000), st.floats(0, 1000), st.floats(0, 600))
def test_a_slope_reaches_its_end_and_is_never_steeper_than_allowed(before: float, wanted: float, dt: float) -> None:
    after = limit_change(before, wanted, dt)
    assert min(before, wanted) - 1e-9 <= after <= max(before, wanted) + 1e-9
    assert abs(math.log1p(after) - math.log1p(before)) <= 0.02 * dt + 1e-9
    assert limit_change(after, wanted, 1e6) == wanted


def test_enough_for_everything_costs_nothing_extra() -> None:
    now = MONDAY + 6 * HOUR_S
    hours = {hour_of(MONDAY) + h: SpendHour(forecast_usd=2.0, demand=demand(2.0)) for h in range(6)}
    (plan,) = plan_windows(DAY, hours, fit_daily_profile(hours, now), now)
    assert (plan.spent_usd, plan.multiplier, plan.exhausted) == (12.0, 0.0, False)
    assert plan.ahead[0] == pytest.approx(36.0)


def test_the_first_day_goes_on_as_it_began() -> None:
    now = MONDAY + 6 * HOUR_S
    hours = {hour_of(MONDAY) + h: SpendHour(forecast_usd=10.0, demand=demand(10.0)) for h in range(6)}
    (plan,) = plan_windows(DAY, hours, fit_daily_profile(hours, now), now)
    # 40 USD are left for 180: cost must weigh 4.5-fold, between two points of the grid
    assert plan.multiplier == pytest.approx(3.5, rel=0.03)


def test_the_shape_of_earlier_days_is_expected_again_at_todays_volume() -> None:
    shape = [1.0] * 12 + [9.0] * 12
    hours = {
        hour_of(MONDAY) + 24 * d + h: SpendHour(forecast_usd=usd, demand=demand(usd))
        for d in range(3)
        for h, usd in enumerate(shape)
    }
    noon = MONDAY + 3 * 24 * HOUR_S + 12 * HOUR_S
    twice = {hour_of(noon) - 12 + h: SpendHour(forecast_usd=2.0, demand=demand(2.0)) for h in range(12)}
    (plan,) = plan_windows(DAY, hours | twice, fit_daily_profile(hours, noon), noon)
    # 12 of the 18 that double the usual volume would be certain; a twentieth of the day (6 USD) is doubt
    assert plan.ahead[0] == pytest.approx(108.0 * (24 + 6) / (12 + 6))
    assert plan.spent_usd == 24.0


def test_a_working_day_is_not_forecast_from_the_weekend() -> None:
    at = {0: 10.0, 5: 1.0, 6: 1.0}  # Monday, Saturday, Sunday
    hours = {
        hour_of(MONDAY) + 24 * day + h: SpendHour(demand=demand(usd)) for day, usd in at.items() for h in range(24)
    } | {hour_of(MONDAY) + 24 * day + h: SpendHour(demand=demand(10.0)) for day in (1, 2, 3, 4) for h in range(24)}
    next_monday = MONDAY + 7 * 24 * HOUR_S
    learnt = fit_daily_profile(hours, next_monday).shape
    assert learnt is not None
    assert learnt[0, 0] > 8.0
    saturday = fit_daily_profile(hours, MONDAY + 12 * 24 * HOUR_S).shape
    assert saturday is not None
    assert saturday[0, 0] < 5.0


def test_reports_correct_what_was_forecast() -> None:
    hours = {
        hour_of(MONDAY): SpendHour(
            forecast_usd=10.0, reported_forecast_usd=4.0, reported_usd=6.0, reported=980.0, demand=demand(10.0)
        )
    }
    now = MONDAY + HOUR_S - 1
    ratio = cost_ratio(hours, now)
    assert ratio == pytest.approx((980 * 1.5 + 20) / 1000)
    (plan,) = plan_windows(DAY, hours, fit_daily_profile(hours, now), now)
    assert plan.spent_usd == pytest.approx(6.0 + 6.0 * ratio)
    assert cost_ratio({}, now) == 1.0


def test_every_window_has_its_plan_and_the_tightest_counts() -> None:
    three = BudgetSettings(hour_usd=Usd(1.0), day_usd=Usd(1e6), month_usd=Usd(1e9))
    hours = {hour_of(MONDAY): SpendHour(forecast_usd=0.9, demand=demand(1.8))}
    now = MONDAY + HOUR_S / 2
    hour, day, month = plan_windows(three, hours, fit_daily_profile(hours, now), now)
    assert [plan.window for plan in (hour, day, month)] == ["hour", "day", "month"]
    assert hour.multiplier > 10.0
    assert day.multiplier == month.multiplier == 0.0
    assert month.ahead[0] == pytest.approx(day.ahead[0] + 29 * 24 * 3.6)


def test_a_month_ends_where_the_calendar_says() -> None:
    start, end = window_bounds("month", datetime(2028, 2, 29, 23, 59, tzinfo=UTC).timestamp())
    assert (datetime.fromtimestamp(start, UTC).day, end - start) == (1, 29 * 86_400)


def test_nothing_known_and_nothing_left() -> None:
    (plan,) = plan_windows(DAY, {}, fit_daily_profile({}, MONDAY), MONDAY)
    assert (plan.multiplier, plan.spent_usd) == (0.0, 0.0)
    spent = {hour_of(MONDAY): SpendHour(forecast_usd=101.0, demand=demand(101.0))}
    (plan,) = plan_windows(DAY, spent, fit_daily_profile(spent, MONDAY + 60.0), MONDAY + 60.0)
    assert plan.exhausted
    assert plan.multiplier == pytest.approx(GRID[-1])
