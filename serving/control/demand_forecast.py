"""Demand forecast: what a day's traffic will cost at each cost multiplier of a grid, from hourly figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.decision.policy import HOUR_S

Array = NDArray[np.float64]

GRID: Final = (0.0, 0.1, 0.25, 0.5, 0.8, 1.2, 1.8, 2.7, 4.0, 6.0, 9.0, 14.0, 22.0, 40.0, 100.0, 1000.0)
"""Multipliers at which the cost of traffic is known; the last is the most there is."""
_AGE_DAYS: Final = 7.0
"""A day of the past counts half as much as one this much younger."""
_OTHER_KIND: Final = 0.2
"""What a working day tells about a day of the weekend, and the other way round."""
_DOUBT: Final = 0.05
"""Share of a day's demand that must have come before today's volume counts as much as the usual one."""
_LIKE: Final = 0.25
"""Share of today's demand that may come at other hours than usual before the day counts as a strange one."""
_LATELY: Final = 3
"""Hours, the current one included, that are the latest traffic."""
_DOUBTED_CALLS: Final = 20.0
"""Reported calls that count as much as the belief that calls cost what was forecast."""


@dataclass(frozen=True, slots=True)
class SpendHour:
    """What one pool spent and met in one clock hour.

    Parameters
    ----------
    forecast_usd
        Forecast cost of every decision.
    reported_forecast_usd, reported_usd, reported
        Forecast and realised cost, and number, of those whose cost was reported.
    demand
        (G,) USD that the hour's requests would have cost, by forecast, at each multiplier of `GRID`.
    """

    forecast_usd: float = 0.0
    reported_forecast_usd: float = 0.0
    reported_usd: float = 0.0
    reported: float = 0.0
    demand: tuple[float, ...] = (0.0,) * len(GRID)

    def spent(self, ratio: float) -> float:
        """Give what the hour cost: realised where reported, forecast times `ratio` where not."""
        return self.reported_usd + max(self.forecast_usd - self.reported_forecast_usd, 0.0) * ratio


Hours = Mapping[int, SpendHour]
"""By number of the hour since the epoch."""


@dataclass(frozen=True, slots=True)
class DailyProfile:
    """How traffic spreads over a day, learnt from earlier days.

    Parameters
    ----------
    midnight
        Hour since the epoch at which today began.
    begun
        Hour since the epoch from which the pool is known.
    shape
        (24, G) USD by hour of the day; None before there is any earlier day.
    """

    midnight: int
    begun: int
    shape: Array | None


def cost_ratio(hours: Hours, now: float) -> float:
    """Tell what calls cost for each USD that was forecast, of the last week's reports; 1 before there are any."""
    this = int(now // HOUR_S)
    recent = [hours[at] for at in range(this - 7 * 24, this + 1) if at in hours and hours[at].reported]
    forecast = sum(hour.reported_forecast_usd for hour in recent)
    count = sum(hour.reported for hour in recent)
    if forecast <= 0.0:
        return 1.0
    realised = sum(hour.reported_usd for hour in recent) / forecast
    return (count * realised + _DOUBTED_CALLS) / (count + _DOUBTED_CALLS)


def fit_daily_profile(hours: Hours, now: float) -> DailyProfile:
    """Learn the shape of a day from the days before this one; it holds until the next midnight."""
    midnight = int(now // (24 * HOUR_S)) * 24
    begun = min(hours, default=midnight)
    total, weights = np.zeros((24, len(GRID))), np.zeros(24)
    kind = _weekend(midnight)
    for day in range(midnight - 24, max(begun - 24, midnight - 36 * 24), -24):
        weight = 0.5 ** ((midnight - day) / 24 / _AGE_DAYS) * (1.0 if _weekend(day) == kind else _OTHER_KIND)
        for place in range(24):
            if day + place >= begun:
                weights[place] += weight
                if day + place in hours:
                    total[place] += weight * np.asarray(hours[day + place].demand)
    known = weights > 0.0
    if not known.any():
        return DailyProfile(midnight, begun, None)
    shape = total / np.maximum(weights, 1e-12)[:, None]
    shape[~known] = shape[known].mean(axis=0)
    return DailyProfile(midnight, begun, shape)


def forecast_hours(hours: Hours, habit: DailyProfile, now: float) -> Array:
    """Forecast the demand of each hour of this day: (24, G) USD.

    The shape of earlier days at today's volume, as far as today looks like it; for the rest (and on a first day) what
    came so far and what came in the last hours go on, half and half; what a strange day has not brought is still due.
    """
    since, this = max(habit.midnight, habit.begun), int(now // HOUR_S)
    met = np.asarray([hours[at].demand if at in hours else (0.0,) * len(GRID) for at in range(since, this + 1)])
    total: Array = met.sum(axis=0)
    elapsed = max(now / HOUR_S - since, 1.0 / 60.0)
    begun_share = now / HOUR_S - this
    latest = met[-_LATELY:].sum(axis=0) / min(elapsed, _LATELY - 1.0 + begun_share)
    flat: Array = np.tile((total / elapsed + latest) / 2.0, (24, 1))
    if habit.shape is None:
        return flat
    expected = np.asarray([habit.shape[at % 24, 0] for at in range(since, this + 1)])
    expected[-1] *= begun_share
    doubt = _DOUBT * habit.shape.sum(axis=0)[0]
    volume = (total[0] + doubt) / (expected.sum() + doubt) if doubt > 0.0 else 1.0
    odd = np.abs(met[:, 0] - volume * expected).sum() / (total[0] + doubt) if total[0] > 0.0 else 0.0
    strange = min(max(odd - _LIKE, 0.0) / (1.0 - _LIKE), 1.0)
    overdue = (habit.shape.sum(axis=0) - total) / max(habit.midnight + 24 - now / HOUR_S, 1.0)
    flat = np.maximum(flat, overdue)
    forecast: Array = (1.0 - strange) * volume * habit.shape + strange * flat
    return forecast


def _weekend(hour: int) -> bool:
    """Tell whether the day that starts at this hour since the epoch, which was a Thursday, is one of the weekend."""
    return (hour // 24 + 3) % 7 >= 5


def demand_between(hourly: Array, start: float, end: float) -> Array:
    """Add up the demand of [start, end): (G,) USD."""
    whole_days = max(int((end - start) // (24 * HOUR_S)), 0)
    total: Array = hourly.sum(axis=0) * whole_days
    at = start + whole_days * 24 * HOUR_S
    while at < end:
        after = min((at // HOUR_S + 1) * HOUR_S, end)
        total = total + hourly[int(at // HOUR_S) % 24] * ((after - at) / HOUR_S)
        at = after
    return total
