"""Qini and AUUC of paired history: the areas of the uplift literature, so that figures compare with other publications.

Conventions are causalml's: curves divided by the absolute value of their last point, area by the trapezoid rule, equal
scores entered evenly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.metrics.cost_quality import Ranking
from training.types import Array


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
    """Give the areas of a ranking of prompts whose effect is known.

    Parameters
    ----------
    score
        float64 (n,), higher is treated sooner.
    effect
        float64 (n,), realised differences of paired history.

    Examples
    --------
    >>> paired_area(np.array([3.0, 2.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0])).auuc
    0.75
    """
    ranking = Ranking.of(score)
    share = np.append(0.0, (ranking.ends + 1) / len(score))
    gain = np.append(0.0, np.cumsum(effect[ranking.order])[ranking.ends]) / len(score)
    last = float(gain[-1])
    if abs(last) <= 1e-12:
        return UpliftArea(None, None)
    auuc = float(np.trapezoid(gain, share)) / abs(last)
    return UpliftArea(auuc, auuc - float(np.sign(last)) / 2)
