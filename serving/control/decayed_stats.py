"""Exponentially decayed sums: recent calls count, old ones fade with a half-life."""

from __future__ import annotations

from dataclasses import dataclass

_SLOW = 20.0
"""The last few calls are forgotten this much more slowly than the rest: a quiet arm has a memory too."""
_MOST_TIMES = 10.0
"""One call counts as this multiple of its forecast at most."""


def decay(weight: float, seconds: float, half_life: float, few: float = 0.0) -> float:
    """Tell which share of a sum is left.

    Parameters
    ----------
    weight
        Number of calls in the sum.
    few
        Down to so many calls the sum fades by its half-life; the last few fade 20 times as slowly.

    Examples
    --------
    >>> decay(100.0, 60.0, 60.0), decay(100.0, 120.0, 60.0)
    (0.5, 0.25)
    >>> 100.0 * decay(100.0, 240.0, 60.0, few=20.0) > 17.0
    True
    """
    if weight <= 0.0 or seconds <= 0.0:
        return 1.0
    fast: float = 0.5 ** (seconds / half_life)
    slow: float = min(few, weight) / weight * 0.5 ** (seconds / half_life / _SLOW)
    return max(fast, slow) if fast * weight < few else fast


@dataclass(frozen=True, slots=True)
class DecayedRatio:
    """Realised over forecast, of late.

    Parameters
    ----------
    calls, realised, expected
        Faded sums.
    at
        Seconds at which they were last faded.
    """

    calls: float = 0.0
    realised: float = 0.0
    expected: float = 0.0
    at: float = 0.0

    def decayed(self, now: float, half_life: float, few: float) -> DecayedRatio:
        """Forget what time asks for."""
        share = decay(self.calls, now - self.at, half_life, few)
        return DecayedRatio(self.calls * share, self.realised * share, self.expected * share, max(now, self.at))

    def updated(self, realised: float, expected: float, now: float, half_life: float, few: float) -> DecayedRatio:
        """Count one call."""
        old = self.decayed(now, half_life, few)
        capped = min(max(realised, 0.0), _MOST_TIMES * expected)
        return DecayedRatio(old.calls + 1.0, old.realised + capped, old.expected + expected, old.at)

    def factor(self, doubt: float) -> float:
        """Give realised over forecast, as if `doubt` more calls had met their forecast; 1 where nothing is known.

        Examples
        --------
        >>> DecayedRatio(20.0, 4000.0, 2000.0).factor(20.0), DecayedRatio().factor(20.0)
        (1.5, 1.0)
        """
        if self.expected <= 0.0:
            return 1.0
        belief = doubt * self.expected / self.calls
        return (self.realised + belief) / (self.expected + belief)
