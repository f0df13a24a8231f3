"""Candidate meta-learners of uplift (T, S, DR and mixtures), ranked by cross-validated policy value."""

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
        Whose success estimates it uses.
    weight
        Weight of the difference of success estimates; the direct uplift has the rest.
    tree_size
        Index of its tree size among the sizes that were tried.
    value
        Cross-validated policy value.
    """

    name: str
    outcome: Outcome
    weight: float
    tree_size: int = 0
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

    def success_by(self, outcome: Outcome) -> Array:
        """P(success | arm) by the named models, before calibration: float64 (n, K)."""
        if outcome == "T" or self.shared is None:
            return self.success
        if outcome == "S":
            return self.shared
        return sigmoid((log_odds(self.success) + log_odds(self.shared)) / 2)

    def weigh_by_support(self, outcome: Outcome, support: Array, feature_only: Array) -> Scores:
        """Interpolate by support between the named success models and feature-only ones, which hold on unseen kinds.

        Parameters
        ----------
        support
            float64 (n,).
        feature_only
            float64 (n, K), P(success | arm) by models that read complexity features alone.
        """
        trust = support[:, None]
        return Scores(feature_only + trust * (self.success_by(outcome) - feature_only), trust * self.direct)

    def blend(self, learner: Learner) -> Array:
        """Mix the difference of the success models with the direct uplift: float64 (n, K-1)."""
        success = self.success_by(learner.outcome)
        return learner.weight * (success[:, 1:] - success[:, :1]) + (1 - learner.weight) * self.direct


def rank_learners(oof: Sequence[Scores], pseudo_outcomes: Array, sizes: Sequence[str] = ("",)) -> tuple[Learner, ...]:
    """Rank the candidates by cross-validated policy value, the best first.

    Parameters
    ----------
    oof
        Out-of-fold scores, one set per size of trees.
    pseudo_outcomes
        float64 (n, K).
    sizes
        Suffix of the candidates' names, one per set.
    """
    learners = []
    for tree_size, scores in enumerate(oof):
        for learner in CANDIDATES:
            if learner.outcome == "T" or scores.shared is not None:
                name = f"{learner.name}{sizes[tree_size]}"
                value = policy_area(scores.blend(learner), pseudo_outcomes)
                learners.append(replace(learner, name=name, tree_size=tree_size, value=value))
    return tuple(sorted(learners, key=lambda learner: -learner.value))


def policy_area(score: Array, outcomes: Array) -> float:
    """Mean success gained over random routing, averaged over all shares of requests that reason.

    Each request takes the non-baseline arm with its highest score; requests enter by that score, ties in random order.

    Parameters
    ----------
    score
        float64 (n, K-1).
    outcomes
        float64 (n, K), true P(success), realised success or pseudo-outcomes.

    Examples
    --------
    >>> outcomes = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> policy_area(np.array([[0.9], [0.1]]), outcomes) > 0 > policy_area(np.array([[0.1], [0.9]]), outcomes)
    True
    """
    best = score.argmax(axis=1)
    rows = np.arange(len(score))
    gain = outcomes[rows, best + 1] - outcomes[:, 0]
    levels, group = np.unique(-score[rows, best], return_inverse=True)
    sums = np.bincount(group, gain, len(levels))
    share = np.cumsum(np.bincount(group, minlength=len(levels))) / len(gain)
    curve = np.cumsum(sums) / len(gain)
    x, y = np.append(0.0, share), np.append(0.0, curve)
    return float(np.trapezoid(y, x) - 0.5 * y[-1])
