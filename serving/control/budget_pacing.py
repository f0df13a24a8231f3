"""Budget pacing: the cost multiplier at which a window's budget lasts exactly to its end, from hourly figures.

Where a fixed sum buys the most is a knapsack, and its answer is one price on cost for the whole window. So the
multiplier is not driven by an error signal with gains to tune: every look asks at which multiplier the traffic that is
still to come would cost what is left, and takes that. What traffic would cost at each multiplier of a grid is known,
because a decision can be made again at another multiplier (`serving.decision.selection.decide.cost_at_multipliers`);
how traffic spreads over the day is learnt from the same figures of earlier days.
`docs/adr/0025-budgets-are-met-by-a-multiplier-on-cost.md` has the reasons.
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import numpy as np

from serving.control.demand_forecast import GRID, DailyProfile, Hours, cost_ratio, demand_between, forecast_hours
from serving.decision.policy import HOUR_S, BudgetSettings

Window = Literal["hour", "day", "month"]

_SCALE: Final = np.log1p(np.asarray(GRID))
_UNSURE: Final = (0.75, 1.0, 4.0 / 3.0)
"""What is to come may be so much less or more than forecast: the multiplier is the middle of what each would need."""
_LEAST_AHEAD: Final = 0.004
"""Share of a day's demand that is taken to be still to come, up to the very end: so the last minutes don't swing."""
_SLEW_PER_S: Final = 0.02
"""Most that log(1 + multiplier) moves in a second: a change of plan is a slope, not a cliff."""


@dataclass(frozen=True, slots=True)
class WindowPlan:
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


def plan_windows(budget: BudgetSettings, hours: Hours, habit: DailyProfile, now: float) -> tuple[WindowPlan, ...]:
    """Plan every window that has a budget.

    Parameters
    ----------
    hours
        All that is remembered of the pool; gaps are hours without traffic.
    habit
        Of the pool, of this day.
    now
        Epoch seconds.
    """
    ratio = cost_ratio(hours, now)
    hourly = forecast_hours(hours, habit, now)
    least = hourly.sum(axis=0) * _LEAST_AHEAD
    amounts: tuple[tuple[Window, float | None], ...] = (
        ("hour", budget.hour_usd),
        ("day", budget.day_usd),
        ("month", budget.month_usd),
    )
    out = []
    for window, amount in amounts:
        if amount is not None:
            start, end = window_bounds(window, now)
            span = range(int(start // HOUR_S), min(int(end // HOUR_S), int(now // HOUR_S) + 1))
            spent = sum(hours[at].spent(ratio) for at in span if at in hours)
            ahead = np.minimum.accumulate(np.maximum(demand_between(hourly, now, end), least) * ratio).tolist()
            out.append(WindowPlan(window, amount, spent, tuple(ahead), _hedged(amount - spent, ahead)))
    return tuple(out)


def solve_multiplier(left_usd: float, ahead: Sequence[float]) -> float:
    """Find the multiplier at which what is to come costs what is left.

    Parameters
    ----------
    ahead
        (G,) USD at each multiplier of `GRID`, never rising.

    Examples
    --------
    >>> falling = [100.0 / (1.0 + multiplier) for multiplier in GRID]
    >>> solve_multiplier(200.0, falling), round(solve_multiplier(20.0, falling), 1), solve_multiplier(-5.0, falling)
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
    each = [math.log1p(solve_multiplier(left_usd, [usd * factor for usd in ahead])) for factor in _UNSURE]
    return math.expm1(sum(each) / len(each))


def limit_change(before: float | None, wanted: float, seconds: float) -> float:
    """Move from one multiplier towards another, no faster than a slope; at once where there was none before.

    Examples
    --------
    >>> limit_change(None, 3.0, 1.0), limit_change(0.0, 3.0, 0.0), limit_change(0.0, 3.0, 3600.0)
    (3.0, 0.0, 3.0)
    """
    if before is None:
        return wanted
    most = _SLEW_PER_S * max(seconds, 0.0)
    if abs(math.log1p(wanted) - math.log1p(before)) <= most:
        return wanted
    return math.expm1(math.log1p(before) + math.copysign(most, wanted - before))


def window_bounds(window: Window, now: float) -> tuple[float, float]:
    """Give start and end of the window that holds `now`, in epoch seconds; UTC.

    Examples
    --------
    >>> window_bounds("hour", 7300.0), window_bounds("day", 90_000.0)
    ((7200, 10800), (86400, 172800))
    """
    if window != "month":
        length = HOUR_S if window == "hour" else 24 * HOUR_S
        start = int(now // length) * length
        return start, start + length
    first = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = first + timedelta(days=monthrange(first.year, first.month)[1])
    return first.timestamp(), after.timestamp()
