"""The candidate learners of uplift: how their scores mix, and which of them would have routed best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from training.models.boosting import log_odds, sigmoid
from training.types import Array

Outcome = Literal["T", "S", "T+S"]
"""Which success models: one per arm, one that reads the arm as a column, or the mean of both in log-odds."""


@dataclass(frozen=True, slots=True)
class Learner:
    """One candidate.

    Parameters
    ----------
    outcome
        Whose success counts.
    weight
        How much the difference of success models counts beside the direct uplift.
    grain
        Place of its trees' size among the sizes that were tried.
    value
        Cross-validated policy value.
    """

    name: str
    outcome: Outcome
    weight: float
    grain: int = 0
    value: float = float("nan")


CANDIDATES = (
    Learner("T", "T", 1.0),
    Learner("S", "S", 1.0),
    Learner("T + S", "T+S", 1.0),
    Learner("DR", "T", 0.0),
    Learner("T + DR", "T", 0.5),
    Learner("S + DR", "S", 0.5),
    Learner("T + S + DR", "T+S", 0.67),
)


@dataclass(frozen=True, slots=True)
class Scores:
    """Out-of-fold or new scores of n prompts.

    Parameters
    ----------
    success
        float64 (n, K), P(success | arm) before calibration, by one model per arm.
    direct
        float64 (n, K-1), uplift learnt directly.
    shared
        float64 (n, K), P(success | arm) by one model of all arms; None on histories too long for it.
    """

    success: Array
    direct: Array
    shared: Array | None = None

    def chance(self, outcome: Outcome) -> Array:
        """P(success | arm) by the named models, before calibration: float64 (n, K)."""
        if outcome == "T" or self.shared is None:
            return self.success
        if outcome == "S":
            return self.shared
        return sigmoid((log_odds(self.success) + log_odds(self.shared)) / 2)

    def leaning(self, outcome: Outcome, support: Array, afar: Array) -> Scores:
        """Take the named success models, and lean on what holds elsewhere as far as there is no support.

        Parameters
        ----------
        support
            float64 (n,).
        afar
            float64 (n, K), P(success | arm) that holds elsewhere.
        """
        trust = support[:, None]
        return Scores(afar + trust * (self.chance(outcome) - afar), trust * self.direct)

    def blend(self, learner: Learner) -> Array:
        """Mix the difference of the success models with the direct uplift: float64 (n, K-1)."""
        chance = self.chance(learner.outcome)
        return learner.weight * (chance[:, 1:] - chance[:, :1]) + (1 - learner.weight) * self.direct


def rank_learners(oof: Sequence[Scores], truth: Array, sizes: Sequence[str] = ("",)) -> tuple[Learner, ...]:
    """Rank the candidates by cross-validated policy value, the best first.

    Parameters
    ----------
    oof
        Out-of-fold scores, one set per size of trees.
    truth
        float64 (n, K), pseudo-outcomes.
    sizes
        What the candidates of each set are called after their trees.
    """
    learners = []
    for grain, scores in enumerate(oof):
        for learner in CANDIDATES:
            if learner.outcome == "T" or scores.shared is not None:
                name = f"{learner.name}{sizes[grain]}"
                value = policy_area(scores.blend(learner), truth)
                learners.append(replace(learner, name=name, grain=grain, value=value))
    return tuple(sorted(learners, key=lambda learner: -learner.value))


def policy_area(score: Array, truth: Array) -> float:
    """Mean success gained over random routing, averaged over all shares of requests that reason.

    Each request takes the non-baseline arm with its highest score; requests enter by that score. Ties share alike.

    Examples
    --------
    >>> truth = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> policy_area(np.array([[0.9], [0.1]]), truth) > 0 > policy_area(np.array([[0.1], [0.9]]), truth)
    True
    """
    best = score.argmax(axis=1)
    rows = np.arange(len(score))
    gain = truth[rows, best + 1] - truth[:, 0]
    levels, group = np.unique(-score[rows, best], return_inverse=True)
    sums = np.bincount(group, gain, len(levels))
    share = np.cumsum(np.bincount(group, minlength=len(levels))) / len(gain)
    curve = np.cumsum(sums) / len(gain)
    x, y = np.append(0.0, share), np.append(0.0, curve)
    return float(np.trapezoid(y, x) - 0.5 * y[-1])
