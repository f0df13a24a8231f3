"""Demand of the hours of a day: known traffic gives known forecasts, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from serving.control.demand_forecast import (
    GRID,
    SpendHour,
    cost_ratio,
    demand_between,
    fit_daily_profile,
    forecast_hours,
)

HOUR = 3600.0
DAY = 24 * HOUR
MONDAY = 4 * DAY  # 1970-01-05


def _hour(usd: float) -> SpendHour:
    return SpendHour(forecast_usd=usd, demand=(usd,) * len(GRID))


def test_reported_cost_takes_the_forecasts_place() -> None:
    hour = SpendHour(forecast_usd=10.0, reported_forecast_usd=4.0, reported_usd=6.0, reported=2.0)
    assert hour.spent(1.0) == 12.0
    assert hour.spent(0.5) == 9.0


def test_cost_ratio_starts_at_one_and_follows_reports() -> None:
    now = MONDAY + 1.5 * HOUR
    at = int(now // HOUR)
    assert cost_ratio({}, now) == 1.0
    assert cost_ratio({at: SpendHour(5.0, 5.0, 10.0, 20.0)}, now) == pytest.approx((20 * 2 + 20) / 40)
    long_ago = {at - 8 * 24: SpendHour(5.0, 5.0, 10.0, 20.0)}
    assert cost_ratio(long_ago, now) == 1.0


def test_no_earlier_day_gives_no_shape_and_a_flat_forecast() -> None:
    now = MONDAY + 2 * HOUR
    hours = {int(MONDAY // HOUR): _hour(3.0), int(MONDAY // HOUR) + 1: _hour(3.0)}
    profile = fit_daily_profile(hours, now)
    assert profile.shape is None
    forecast = forecast_hours(hours, profile, now)
    assert forecast.shape == (24, len(GRID))
    assert np.ptp(forecast[:, 0]) == 0.0
    assert forecast[0, 0] == pytest.approx(3.0)


def test_a_day_like_yesterday_is_forecast_as_yesterday() -> None:
    monday = int(MONDAY // HOUR)
    shape = [1.0 + (hour >= 8) * 4.0 for hour in range(24)]
    hours = {monday + hour: _hour(usd) for hour, usd in enumerate(shape)}
    hours |= {monday + 24 + hour: _hour(usd) for hour, usd in enumerate(shape[:12])}
    now = MONDAY + DAY + 12 * HOUR
    forecast = forecast_hours(hours, fit_daily_profile(hours, now), now)
    assert forecast[:, 0] == pytest.approx(shape, rel=1e-6)


def test_twice_yesterdays_volume_is_forecast_twice_as_high() -> None:
    monday = int(MONDAY // HOUR)
    hours = {monday + hour: _hour(2.0) for hour in range(24)}
    hours |= {monday + 24 + hour: _hour(4.0) for hour in range(12)}
    now = MONDAY + DAY + 12 * HOUR
    forecast = forecast_hours(hours, fit_daily_profile(hours, now), now)
    assert 3.5 < forecast[20, 0] <= 4.0


def test_demand_of_part_hours_and_whole_days_adds_up() -> None:
    hourly = np.tile(np.arange(24.0)[:, None], (1, len(GRID)))
    assert demand_between(hourly, MONDAY, MONDAY + DAY)[0] == pytest.approx(276.0)
    assert demand_between(hourly, MONDAY + 1.5 * HOUR, MONDAY + 3 * HOUR)[0] == pytest.approx(0.5 + 2.0)
    assert demand_between(hourly, MONDAY + 23 * HOUR, MONDAY + 2 * DAY + 1 * HOUR)[0] == pytest.approx(23 + 276 + 0)
    assert demand_between(hourly, MONDAY, MONDAY)[0] == 0.0
