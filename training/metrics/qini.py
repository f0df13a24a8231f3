"""Qini and AUUC: the uplift literature's own areas, so that figures compare with other people's.

Conventions are causalml's: curves divided by the absolute value of their last point, Radcliffe's (2007) Qini for
logged treatment; the area is taken by the trapezoid rule, and equal scores are entered evenly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.decision.errors import BadInput
from training.metrics.cost_quality import Ranking
from training.types import Array, BoolArray


@dataclass(frozen=True, slots=True)
class UpliftArea:
    """Two areas of one ranking; None where the total uplift is 0 and nothing can be divided by it.

    Parameters
    ----------
    auuc
        Area under the cumulative gain, normalised; random is about 0.5 (-0.5 where reasoning harms on average).
    qini
        Area between the Qini curve and its random line, normalised; random is 0.
    """

    auuc: float | None
    qini: float | None


def paired_area(score: Array, effect: Array) -> UpliftArea:
    """Areas where every prompt's effect is known (n,): realised differences of paired history.

    >>> paired_area(np.array([3.0, 2.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0])).auuc
    0.75
    """
    ranking = Ranking.of(score)
    gain = np.append(0.0, np.cumsum(effect[ranking.order])[ranking.ends]) / len(score)
    return _area(_share(ranking), gain, gain)


def logged_area(score: Array, outcome: Array, treated: BoolArray) -> UpliftArea:
    """Areas from one arm per prompt, chosen at random with a constant probability.

    Parameters
    ----------
    outcome
        (n,) success of the arm that was used.
    treated
        bool (n,), True where it was the reasoning arm.

    Raises
    ------
    BadInput
        If only one arm is there. Confounded logs need `off_policy`, not this.
    """
    ranking = Ranking.of(score)
    t = treated.astype(np.float64)[ranking.order]
    if t.min() == t.max():
        raise BadInput("all prompts were served by one arm: no uplift can be read from that")
    y = outcome[ranking.order]
    n_t, n_c, y_t, y_c = (np.append(0.0, np.cumsum(v)[ranking.ends]) for v in (t, 1 - t, y * t, y * (1 - t)))
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = y_t / n_t - y_c / n_c
        qini = y_t - y_c * n_t / n_c
    share = _share(ranking)
    return _area(share, _filled(share, lift) * share, _filled(share, qini))


def _share(ranking: Ranking) -> Array:
    return np.append(0.0, (ranking.ends + 1) / len(ranking.order))


def _filled(share: Array, curve: Array) -> Array:
    """Straight lines over the places where one arm has not been seen yet; the curve starts at 0."""
    curve[0] = 0.0
    known = np.isfinite(curve)
    return np.interp(share, share[known], curve[known])


def _area(share: Array, gain: Array, qini: Array) -> UpliftArea:
    def normalised(curve: Array) -> float | None:
        last = abs(float(curve[-1]))
        return float(np.trapezoid(curve, share)) / last if last > 1e-12 else None

    total, steep = normalised(gain), normalised(qini)
    return UpliftArea(total, None if steep is None else steep - float(np.sign(qini[-1])) / 2)
