"""Finds the cost multiplier with which a window's budget lasts exactly to its end: pure arithmetic on hourly figures.

Where a fixed sum buys the most is a knapsack, and its answer is one price on cost for the whole window. So the
multiplier is not driven by an error signal with gains to tune: every look asks at which multiplier the traffic that is
still to come would cost what is left, and takes that. What traffic would cost at each multiplier of a grid is known,
because a decision can be made again at another multiplier (`serving.decision.settle.outlay`); how traffic spreads over
the day is learnt from the same figures of earlier days. `docs/adr/0025-budgets-are-a-price.md` has the reasons.
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from serving.decision.live_terms import HOUR_S, Budget

Window = Literal["hour", "day", "month"]
Array = NDArray[np.float64]

GRID: Final = (0.0, 0.1, 0.25, 0.5, 0.8, 1.2, 1.8, 2.7, 4.0, 6.0, 9.0, 14.0, 22.0, 40.0, 100.0, 1000.0)
"""Multipliers at which the cost of traffic is known; the last is the most there is."""
_SCALE: Final = np.log1p(np.asarray(GRID))
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
_UNSURE: Final = (0.75, 1.0, 4.0 / 3.0)
"""What is to come may be so much less or more than forecast: the multiplier is the middle of what each would need."""
_LEAST_AHEAD: Final = 0.004
"""Share of a day's demand that is taken to be still to come, up to the very end: so the last minutes don't swing."""
_DOUBTED_CALLS: Final = 20.0
"""Reported calls that count as much as the belief that calls cost what was forecast."""
_SLEW_PER_S: Final = 0.02
"""Most that log(1 + multiplier) moves in a second: a change of plan is a slope, not a cliff."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What one purse spent and met in one clock hour.

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


Hours = Mapping[int, Hour]
"""By number of the hour since the epoch."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one window stands.

    Parameters
    ----------
    ahead
        (G,) USD that what is still to come would cost at each multiplier.
    multiplier
        At which what is to come costs about what is left; 0 where there is enough for everything.
    """

    window: Window
    budget_usd: float
    spent_usd: float
    ahead: tuple[float, ...]
    multiplier: float

    @property
    def exhausted(self) -> bool:
        """Tell whether the budget is spent."""
        return self.spent_usd >= self.budget_usd


@dataclass(frozen=True, slots=True)
class Habit:
    """How traffic spreads over a day, learnt from earlier days.

    Parameters
    ----------
    midnight
        Hour since the epoch at which today began.
    begun
        Hour since the epoch from which the purse is known.
    shape
        (24, G) USD by hour of the day; None before there is any earlier day.
    """

    midnight: int
    begun: int
    shape: Array | None


def plans(budget: Budget, hours: Hours, habit: Habit, now: float) -> tuple[Plan, ...]:
    """Plan every window that has a budget.

    Parameters
    ----------
    hours
        All that is remembered of the purse; gaps are hours without traffic.
    habit
        Of the purse, of this day.
    now
        Epoch seconds.
    """
    ratio = cost_ratio(hours, now)
    usual = _usual(hours, habit, now)
    least = usual.sum(axis=0) * _LEAST_AHEAD
    amounts: tuple[tuple[Window, float | None], ...] = (
        ("hour", budget.hour_usd),
        ("day", budget.day_usd),
        ("month", budget.month_usd),
    )
    out = []
    for window, amount in amounts:
        if amount is not None:
            start, end = bounds(window, now)
            span = range(int(start // HOUR_S), min(int(end // HOUR_S), int(now // HOUR_S) + 1))
            spent = sum(hours[at].spent(ratio) for at in span if at in hours)
            ahead = np.minimum.accumulate(np.maximum(_between(usual, now, end), least) * ratio).tolist()
            out.append(Plan(window, amount, spent, tuple(ahead), _hedged(amount - spent, ahead)))
    return tuple(out)


def solve(left_usd: float, ahead: Sequence[float]) -> float:
    """Find the multiplier at which what is to come costs what is left.

    Parameters
    ----------
    ahead
        (G,) USD at each multiplier of `GRID`, never rising.

    Examples
    --------
    >>> falling = [100.0 / (1.0 + multiplier) for multiplier in GRID]
    >>> solve(200.0, falling), round(solve(20.0, falling), 1), solve(-5.0, falling)
    (0.0, 4.0, 1000.0)
    """
    if left_usd >= ahead[0]:
        return 0.0
    for place in range(1, len(ahead)):
        over, under = ahead[place - 1], ahead[place]
        if left_usd >= under:
            share = (over - left_usd) / (over - under)
            return float(np.expm1(_SCALE[place - 1] + share * (_SCALE[place] - _SCALE[place - 1])))
    return GRID[-1]


def _hedged(left_usd: float, ahead: Sequence[float]) -> float:
    """Find the multiplier where what is to come is not sure; it never jumps to its end for one doubtful forecast."""
    each = [math.log1p(solve(left_usd, [usd * factor for usd in ahead])) for factor in _UNSURE]
    return math.expm1(sum(each) / len(each))


def slew(before: float | None, wanted: float, seconds: float) -> float:
    """Move from one multiplier towards another, no faster than a slope; at once where there was none before.

    Examples
    --------
    >>> slew(None, 3.0, 1.0), slew(0.0, 3.0, 0.0), slew(0.0, 3.0, 3600.0)
    (3.0, 0.0, 3.0)
    """
    if before is None:
        return wanted
    most = _SLEW_PER_S * max(seconds, 0.0)
    if abs(math.log1p(wanted) - math.log1p(before)) <= most:
        return wanted
    return math.expm1(math.log1p(before) + math.copysign(most, wanted - before))


def bounds(window: Window, now: float) -> tuple[float, float]:
    """Give start and end of the window that holds `now`, in epoch seconds; UTC.

    Examples
    --------
    >>> bounds("hour", 7300.0), bounds("day", 90_000.0)
    ((7200, 10800), (86400, 172800))
    """
    if window != "month":
        length = HOUR_S if window == "hour" else 24 * HOUR_S
        start = int(now // length) * length
        return start, start + length
    first = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = first + timedelta(days=monthrange(first.year, first.month)[1])
    return first.timestamp(), after.timestamp()


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


def habit(hours: Hours, now: float) -> Habit:
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
        return Habit(midnight, begun, None)
    shape = total / np.maximum(weights, 1e-12)[:, None]
    shape[~known] = shape[known].mean(axis=0)
    return Habit(midnight, begun, shape)


def _usual(hours: Hours, habit: Habit, now: float) -> Array:
    """Forecast the demand of each hour of this day: (24, G) USD.

    The shape of earlier days at today's volume, as far as today looks like it; for the rest (and on a first day) what
    came so far and what came in the last hour go on, half and half.
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
    usual: Array = (1.0 - strange) * volume * habit.shape + strange * flat
    return usual


def _weekend(hour: int) -> bool:
    """Tell whether the day that starts at this hour since the epoch, which was a Thursday, is one of the weekend."""
    return (hour // 24 + 3) % 7 >= 5


def _between(usual: Array, start: float, end: float) -> Array:
    """Add up the demand of [start, end): (G,) USD."""
    whole_days = max(int((end - start) // (24 * HOUR_S)), 0)
    total: Array = usual.sum(axis=0) * whole_days
    at = start + whole_days * 24 * HOUR_S
    while at < end:
        after = min((at // HOUR_S + 1) * HOUR_S, end)
        total = total + usual[int(at // HOUR_S) % 24] * ((after - at) / HOUR_S)
        at = after
    return total
