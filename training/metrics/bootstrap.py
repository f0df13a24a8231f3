"""Bootstrap intervals over whole prompts: the same draws for every router, so that differences are paired.

Nothing here knows what is measured; a measure is a function of weights, and a resample is a row of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from serving.decision import BadInput
from training.types import Array, IntArray

Statistic = Callable[[Array], Array]
"""weights (b, n) -> values (b,) or (b, S)."""

CHUNK = 200_000
"""Weights held at a time: few enough to stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the range that holds the truth with probability `level`.

    >>> print(Interval(0.664, 0.65, 0.678))
    0.664 [0.650, 0.678]
    """

    value: float
    lower: float
    upper: float
    level: float = 0.95

    def __str__(self) -> str:
        value, lower, upper = (round(x, 3) + 0.0 for x in (self.value, self.lower, self.upper))
        return f"{value:.3f} [{lower:.3f}, {upper:.3f}]"

    @property
    def positive(self) -> bool:
        """True if the whole interval lies above 0."""
        return self.lower > 0


@dataclass(frozen=True, slots=True)
class Resampling:
    """A plan of bootstrap draws over n prompts; the same plan gives the same draws.

    Parameters
    ----------
    n
        Number of prompts.
    count
        Number of resamples.
    seed
        Of the draws.
    clusters
        int (n,), codes 0..C-1: whole clusters (say, task types) are drawn instead of prompts; None draws prompts.
    """

    n: int
    count: int = 1000
    seed: int = 0
    clusters: IntArray | None = None

    def __post_init__(self) -> None:
        if self.n < 2:
            raise BadInput(f"{self.n} prompts can't be resampled: evaluate on at least 2")

    def chunks(self) -> Iterator[Array]:
        """Weights (b, n), float64: how often each prompt was drawn; `count` rows over all chunks."""
        rng = np.random.default_rng(self.seed)
        units = self.n if self.clusters is None else int(self.clusters.max()) + 1
        size = max(1, CHUNK // self.n)
        for start in range(0, self.count, size):
            rows = min(size, self.count - start)
            drawn = rng.integers(0, units, size=(rows, units)) + units * np.arange(rows)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float64)
            yield counts if self.clusters is None else counts[:, self.clusters]

    def apply(self, statistic: Statistic) -> Array:
        """Draws of a statistic, (count,) or (count, S)."""
        return np.concatenate([statistic(weights) for weights in self.chunks()])


def percentile_interval(value: float, draws: Array, level: float = 0.95) -> Interval:
    """Percentile interval around `value` from draws (B,); undefined draws (NaN) are left out.

    Raises
    ------
    BadInput
        If no draw is defined.
    """
    defined = draws[np.isfinite(draws)]
    if not defined.size:
        raise BadInput("the figure is undefined in every resample: evaluate on more prompts")
    lower, upper = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(lower), float(upper), level)


def mean_interval(x: Array, level: float = 0.95) -> Interval:
    """Mean of x (n,), with the normal interval of its standard error; a single value has no width."""
    mean = float(np.mean(x))
    half = float(ndtri((1 + level) / 2) * np.std(x, ddof=1) / np.sqrt(len(x))) if len(x) > 1 else 0.0
    return Interval(mean, mean - half, mean + half, level)


def proportion_interval(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's interval of a share (Wilson 1927, JASA 22).

    >>> print(proportion_interval(95, 100))
    0.950 [0.888, 0.978]
    """
    if n < 1:
        raise BadInput("a share of nothing has no interval: pass at least one case")
    z, p = float(ndtri((1 + level) / 2)), successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    return Interval(p, max(0.0, centre - half), min(1.0, centre + half), level)
