"""Cost-quality curves: success gained and cost added when only the top share of a ranking reasons.

Requests with equal scores form one group that is entered in random order, so along a group the expected curve is a
straight line. A rule of two values is judged fairly by that, and the area needs no luck of the sort.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.decision import BadInput
from training.metrics.piecewise import PiecewiseCurves
from training.types import Array, IntArray


@dataclass(frozen=True, slots=True)
class RealisedOutcomes:
    """What really happened to n held-out prompts in K arms.

    Parameters
    ----------
    success
        float64 (n, K), realised success, or doubly robust pseudo-outcomes of a logged history; no NaN.
    cost_usd
        float64 (n, K), or None where tokens are not known.
    reference
        The arm that stands for 'always reason'; the baseline is arm 0.
    realised
        False for pseudo-outcomes: their noise would pass for an oracle, so none is drawn.
    """

    success: Array
    cost_usd: Array | None = None
    reference: int = -1
    realised: bool = True

    def __post_init__(self) -> None:
        if self.success.ndim != 2 or self.success.shape[1] < 2:
            raise BadInput(f"success of shape {self.success.shape}: pass one row a prompt and one column an arm")
        if not np.isfinite(self.success).all():
            raise BadInput(
                "success has gaps: keep prompts that every arm has answered, or fill the matrix with"
                " training.metrics.off_policy.doubly_robust_outcomes"
            )
        if self.cost_usd is not None and (
            self.cost_usd.shape != self.success.shape or not np.isfinite(self.cost_usd).all()
        ):
            raise BadInput("cost_usd has gaps or another shape than success: price every arm, or pass None")

    @property
    def size(self) -> int:
        """Number of prompts."""
        return len(self.success)

    @property
    def gain(self) -> Array:
        """(n,) success of the reference arm minus success of the baseline."""
        gain: Array = self.success[:, self.reference] - self.success[:, 0]
        return gain


@dataclass(frozen=True, slots=True)
class Router:
    """A way to choose: requests reason in the order of their score, each in its own best arm.

    Parameters
    ----------
    name
        As it is printed.
    score
        float64 (n,), higher reasons sooner.
    arm
        int64 (n,), the arm a request switches to; None is the reference arm.
    """

    name: str
    score: Array
    arm: IntArray | None = None

    @staticmethod
    def from_uplift(name: str, uplift: Array) -> Router:
        """From predicted uplift (n, K-1) over the baseline: the arm that gains most, and by how much.

        >>> Router.from_uplift("ours", np.array([[0.1, 0.3], [0.2, 0.0]])).arm.tolist()
        [2, 1]
        """
        return Router(name, uplift.max(axis=1).astype(np.float64), uplift.argmax(axis=1).astype(np.int64) + 1)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Prompts from the highest score down, and where each group of equal scores ends.

    Parameters
    ----------
    order
        int64 (n,).
    ends
        int64 (G,), last position of each group in `order`.
    """

    order: IntArray
    ends: IntArray

    @staticmethod
    def of(score: Array) -> Ranking:
        """Rank scores (n,), highest first."""
        if not np.isfinite(score).all():
            raise BadInput("a score is NaN or infinite: a router must score every prompt")
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        return Ranking(order, np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)))

    def entered(self, share: float) -> Array:
        """(n,) probability of each prompt to be in the top `share`, under random order within groups.

        >>> Ranking.of(np.array([3.0, 1.0, 1.0, 0.0])).entered(0.5).tolist()
        [1.0, 0.5, 0.5, 0.0]
        """
        starts = np.append(0, self.ends[:-1] + 1)
        size = self.ends + 1 - starts
        part = np.clip((share * len(self.order) - starts) / size, 0, 1)
        chance = np.empty(len(self.order))
        chance[self.order] = np.repeat(part, size)
        return chance


@dataclass(frozen=True, slots=True)
class RankedGains:
    """A ranking and what its prompts gain and cost more when they reason, both in rank order (n,)."""

    ranking: Ranking
    gain: Array
    extra_usd: Array | None

    @staticmethod
    def of(outcomes: RealisedOutcomes, router: Router) -> RankedGains:
        """Rank the prompts of a router; each gains what its own arm gains."""
        ranking, pair = Ranking.of(router.score), two_arm_view(outcomes, router)
        cost, order = pair.cost_usd, ranking.order
        return RankedGains(ranking, pair.gain[order], None if cost is None else (cost[:, 1] - cost[:, 0])[order])

    def paths(self, weights: Array) -> PiecewiseCurves:
        """Trace the curves under b sets of prompt weights (b, n), not negative."""
        ranked = np.take(weights, self.ranking.order, axis=1)
        ends, prompts = self.ranking.ends, ranked.shape[1]

        def running(values: Array) -> Array:
            sums = np.zeros((len(values), len(ends) + 1))
            if len(ends) == prompts:
                np.cumsum(values, axis=1, out=sums[:, 1:])
            else:
                sums[:, 1:] = np.cumsum(values, axis=1)[:, ends]
            return sums

        share = running(ranked)
        total = np.maximum(share[:, -1:].copy(), 1e-12)
        extra = None if self.extra_usd is None else running(ranked * self.extra_usd) / total
        return PiecewiseCurves(np.minimum(share / total, 1.0), running(ranked * self.gain) / total, extra)


def two_arm_view(outcomes: RealisedOutcomes, router: Router) -> RealisedOutcomes:
    """The two-arm view of a router: baseline, and the arm that it would switch each prompt to."""
    rows = np.arange(outcomes.size)
    arm = np.full(outcomes.size, outcomes.reference) if router.arm is None else router.arm
    cost = outcomes.cost_usd
    pair = np.column_stack([outcomes.success[:, 0], outcomes.success[rows, arm]])
    paid = None if cost is None else np.column_stack([cost[:, 0], cost[rows, arm]])
    return RealisedOutcomes(pair, paid, realised=outcomes.realised)


def oracle_ranking(outcomes: RealisedOutcomes) -> Router:
    """The ranking by what really happened: the ceiling that no router reaches."""
    return Router.from_uplift("oracle", outcomes.success[:, 1:] - outcomes.success[:, :1])


def area_over_random(outcomes: RealisedOutcomes, router: Router, weights: Array | None = None) -> Array:
    """Area between a router's curve and the random line, per set of weights (b, n) -> (b,).

    The random line runs from always-direct to always-reasoning (the reference arm).

    >>> outcomes = RealisedOutcomes(np.array([[0.0, 1.0], [0.0, 0.0]]))
    >>> area_over_random(outcomes, Router("good", np.array([2.0, 1.0]))).tolist()
    [0.125]
    >>> area_over_random(outcomes, Router("tied", np.array([1.0, 1.0]))).tolist()
    [0.0]
    """
    w = np.ones((1, outcomes.size)) if weights is None else weights
    bare = RealisedOutcomes(outcomes.success, reference=outcomes.reference)
    area: Array = RankedGains.of(bare, router).paths(w).area - (w @ outcomes.gain) / w.sum(axis=1) / 2
    return area


def oracle_share(outcomes: RealisedOutcomes, router: Router) -> float | None:
    """Share of the oracle's area over random: 0 = random, 1 = ranked by the realised difference.

    None where even the oracle gains nothing (both arms always do equally well), and for pseudo-outcomes.
    """
    if not outcomes.realised:
        return None
    best = float(area_over_random(outcomes, oracle_ranking(outcomes))[0])
    return float(area_over_random(outcomes, router)[0]) / best if best > 1e-12 else None
