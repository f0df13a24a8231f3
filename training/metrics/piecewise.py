"""Piecewise linear cost-quality curves, many at a time: area, value at a share, and share at a target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.types import Array


@dataclass(frozen=True, slots=True)
class PiecewiseCurves:
    """b weighted curves at the borders of their G groups; between borders they are straight.

    Parameters
    ----------
    share
        (b, G+1), share of requests that reason, 0 to 1.
    gain
        (b, G+1), mean success above always-direct.
    extra_usd
        (b, G+1), mean cost above always-direct, or None.
    """

    share: Array
    gain: Array
    extra_usd: Array | None

    def joined(self, other: PiecewiseCurves, part: Array) -> PiecewiseCurves:
        """Curves of both samples together, of which this one is the share `part` (b,)."""
        a, b = part[:, None], 1 - part[:, None]
        costs = self.extra_usd, other.extra_usd
        paid = None if costs[0] is None or costs[1] is None else a * costs[0] + b * costs[1]
        return PiecewiseCurves(a * self.share + b * other.share, a * self.gain + b * other.gain, paid)

    @property
    def area(self) -> Array:
        """(b,) area under the gain, exact for random order within groups."""
        area: Array = ((self.gain[:, 1:] + self.gain[:, :-1]) * np.diff(self.share, axis=1)).sum(axis=1) / 2
        return area

    def gain_at(self, share: Array) -> Array:
        """Gain of each curve at its own shares (b, m) -> (b, m)."""
        return np.stack([np.interp(at, x, y) for at, x, y in zip(share, self.share, self.gain, strict=True)])

    def extra_usd_at(self, share: Array) -> Array | None:
        """Extra cost of each curve at its own shares (b, m) -> (b, m), or None."""
        if self.extra_usd is None:
            return None
        return np.stack([np.interp(at, x, y) for at, x, y in zip(share, self.share, self.extra_usd, strict=True)])

    def reaching(self, target: Array) -> Array:
        """(b,) the smallest share at which each curve reaches its target gain (b,), 1 where none does."""
        above = self.gain >= target[:, None] - 1e-12
        rows, first = np.arange(len(target)), above.argmax(axis=1)
        reached = above[rows, first]
        last = np.where(reached, first, self.gain.shape[1] - 1)
        before = np.maximum(last - 1, 0)
        low, high = self.gain[rows, before], self.gain[rows, last]
        rise = np.where(high > low, high - low, 1.0)
        part = np.where(last > 0, np.clip((target - low) / rise, 0, 1), 1.0)
        start, end = self.share[rows, before], self.share[rows, last]
        share: Array = np.where(reached, start + part * (end - start), 1.0)
        return share
