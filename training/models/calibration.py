"""Calibration of success and uplift scores, and the interval around an uplift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import IsotonicRegression

from training.models.fitted_model import PiecewiseLinear
from training.types import Array, IntArray

BINS = 20
"""Most knots of a map; each holds at least `MIN_IN_BIN` prompts."""
MIN_IN_BIN = 30
STRAIGHT = 0.05
"""Share of a straight line in a map, so that no two scores that differ come out equal."""
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class UpliftMaps:
    """Score -> uplift, and how far the interval reaches below and above it."""

    uplift: PiecewiseLinear
    below: PiecewiseLinear
    above: PiecewiseLinear


def monotone_map(score: Array, target: Array, weight: Array | None = None) -> PiecewiseLinear:
    """Fit a non-decreasing map by binned isotonic regression.

    Parameters
    ----------
    score, target, weight
        float64 (n,); targets may be noisy (0 or 1, differences, doubly robust outcomes).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.random(4000)
    >>> abs(float(monotone_map(p, (rng.random(4000) < p).astype(float))(np.array([0.5]))[0]) - 0.5) < 0.06
    True
    """
    weight = np.ones(len(score)) if weight is None else weight
    group = _groups(score)
    mass = np.asarray(np.bincount(group, weight), np.float64)
    x = np.bincount(group, weight * score) / mass
    y = np.bincount(group, weight * target) / mass
    fitted = IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=mass).predict(x)
    # Isotonic steps are flat: a little of the straight line between them, out to the ends, keeps the ranking.
    knots = np.concatenate([[score.min()], x, [score.max()]])
    steps = np.interp(knots, x, fitted)
    line = _line(x, y, mass)
    blended = (1 - STRAIGHT) * steps + STRAIGHT * (line[0] + line[1] * knots)
    return _map(knots, np.clip(blended, min(y.min(), 0.0), max(y.max(), 1.0)))


def uplift_maps(score: Array, realised: Array) -> UpliftMaps:
    """Fit the uplift of a score and its 95 % interval from the realised uplift of requests with a similar score.

    Parameters
    ----------
    score
        float64 (n,), out-of-fold.
    realised
        float64 (n,), differences of (pseudo-)outcomes.
    """
    calibration = monotone_map(score, realised)
    group = _groups(score)
    count = np.bincount(group)
    x = np.bincount(group, score) / count
    mean = np.bincount(group, realised) / count
    spread = np.bincount(group, (realised - mean[group]) ** 2) / np.maximum(count - 1, 1)
    error = Z95 * np.sqrt(spread / count)
    # Where a bin's own mean departs from the monotone map, the interval covers both.
    fitted = calibration(x)
    below = _map(x, error + np.maximum(fitted - mean, 0.0))
    above = _map(x, error + np.maximum(mean - fitted, 0.0))
    return UpliftMaps(calibration, below, above)


def _line(x: Array, y: Array, mass: Array) -> Array:
    """Fit intercept and slope by weighted least squares; the slope is not negative."""
    centre, mean = np.average(x, weights=mass), np.average(y, weights=mass)
    spread = np.average((x - centre) ** 2, weights=mass)
    slope = max(np.average((x - centre) * (y - mean), weights=mass) / spread, 0.0) if spread > 0 else 0.0
    return np.array([mean - slope * centre, slope])


def _groups(score: Array) -> IntArray:
    """Deal rows into bins of equal size by score; equal scores share a bin."""
    bins = int(np.clip(len(score) // MIN_IN_BIN, 1, BINS))
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    _, group = np.unique(np.searchsorted(edges, score, side="right"), return_inverse=True)
    return np.asarray(group, np.int64)


def _map(x: Array, y: Array) -> PiecewiseLinear:
    """Make a map of knots that are apart by more than float32 can blur."""
    keep = np.concatenate([[True], np.diff(x) > 1e-6])
    return PiecewiseLinear(np.asarray(x[keep], np.float64), np.asarray(y[keep], np.float64))
