"""Success bias: moves the success forecast of an arm on a task by how far reported successes fall short of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from serving.control.decayed_stats import decay

_DOUBT: Final = 10.0
"""Calls that count as having gone as forecast, before any were reported."""
_SURE: Final = 2.0
"""Standard errors that chance explains: only what lies beyond moves anything."""


@dataclass(frozen=True, slots=True)
class SuccessBias:
    """Success of one arm at one task, of late.

    Parameters
    ----------
    calls, gap, variance
        Faded sums: of calls, of success minus forecast, of the forecast's own variance.
    at
        Seconds at which they were last faded.
    """

    calls: float = 0.0
    gap: float = 0.0
    variance: float = 0.0
    at: float = 0.0

    def decayed(self, now: float, half_life: float) -> SuccessBias:
        """Forget what time asks for."""
        share = decay(self.calls, now - self.at, half_life)
        return SuccessBias(self.calls * share, self.gap * share, self.variance * share, max(now, self.at))

    def updated(self, success: float, expected: float, now: float, half_life: float) -> SuccessBias:
        """Count one reported success, in [0, 1]."""
        old = self.decayed(now, half_life)
        spread = expected * (1.0 - expected)
        return SuccessBias(old.calls + 1.0, old.gap + success - expected, old.variance + spread, old.at)

    def shift(self, most: float) -> float:
        """Give what to add to P(success | arm): the gap that chance does not explain, in [-most, most].

        Examples
        --------
        >>> round(SuccessBias(100.0, -40.0, 16.0).shift(0.3), 2), SuccessBias(100.0, -3.0, 16.0).shift(0.3)
        (-0.29, 0.0)
        >>> SuccessBias(1.0, -0.95, 0.05).shift(0.3)
        0.0
        """
        calls = self.calls + _DOUBT
        mean, error = self.gap / calls, math.sqrt(self.variance + 0.25 * _DOUBT) / calls
        sure = max(abs(mean) - _SURE * error, 0.0)
        return math.copysign(min(sure, most), mean) if sure else 0.0
