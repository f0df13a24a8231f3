"""Overlap (positivity) of logged history: how often each arm was drawn at random, and the effective sample size.

A deterministic logging policy leaves the outcome of the other arms unidentified; a model could only extrapolate. So
logs need a propensity below 1 on enough calls of every arm, or paired prompts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.dataset.dataset import Dataset
from training.errors import TooLittleToLearn
from training.metrics import effective_size
from training.types import Array, BoolArray

SUFFICIENT_DRAWN = 500
"""Randomly drawn prompts of an arm that suffice, however long the logs are."""
MIN_DRAWN = 10
MIN_DRAWN_SHARE = 0.02
"""Share of the prompts that must have drawn each arm at random, bounded by `MIN_DRAWN` and `SUFFICIENT_DRAWN`."""


class NoOverlap(TooLittleToLearn):
    """The logging policy was deterministic: outcomes of the other arms are not identified."""


@dataclass(frozen=True, slots=True)
class ArmOverlap:
    """Overlap of one arm in the logged prompts.

    Parameters
    ----------
    logged
        Prompts that are not paired.
    drawn
        Those of them that drew this arm at random.
    effective_size
        Their Kish effective size, (sum w)^2 / sum w^2 with w = 1 / propensity.
    min_propensity
        Smallest propensity among them; NaN without any.
    clipped_share
        Share of them whose propensity is below `propensity_floor`.
    """

    arm: str
    logged: int
    drawn: int
    effective_size: float
    min_propensity: float
    clipped_share: float

    def __str__(self) -> str:
        drawn = f"{self.arm} was drawn for {self.drawn:,} of {self.logged:,} logged prompts"
        clipped = f", {self.clipped_share:.1%} of them clipped" if self.clipped_share else ""
        size = f"effective size {self.effective_size:,.0f}"
        return f"{drawn}, {size}; smallest propensity {self.min_propensity:.3g}{clipped}"


def observation_probability(dataset: Dataset, logged: int | None = None) -> Array:
    """Return the probability that the outcome of an arm is observed, float64 (n, K); NaN where it is not.

    1 on paired prompts. A prompt that was logged R times shows an arm of propensity p with probability 1 - (1 - p)^R.
    Small ones are raised to 1 / sqrt(n), n being the logged prompts: a little bias for much less variance (Ionides
    2008, "Truncated importance sampling", JCGS 17). `logged` is n where these prompts are only a part of the history.
    """
    paired = dataset.paired
    seen = _unclipped_probability(dataset)
    return np.where(
        paired[:, None], 1.0, np.maximum(seen, propensity_floor(int((~paired).sum()) if logged is None else logged))
    )


def propensity_floor(logged: int) -> float:
    """Return the floor to which probabilities are raised, given the number of logged prompts.

    >>> propensity_floor(10_000)
    0.01
    """
    return 1.0 / max(float(np.sqrt(logged)), 2.0)


def overlap(dataset: Dataset) -> tuple[ArmOverlap, ...]:
    """Return the overlap of every arm; empty for a fully paired history."""
    logged = ~dataset.paired
    count = int(logged.sum())
    if not count:
        return ()
    drawn, seen = _randomized(dataset), _unclipped_probability(dataset)
    arms = []
    for index, arm in enumerate(dataset.arms):
        own = seen[drawn[:, index], index]
        min_propensity = float(own.min()) if len(own) else float("nan")
        clipped = float((own < propensity_floor(count)).mean()) if len(own) else 0.0
        arms.append(ArmOverlap(arm.name, count, len(own), effective_size(1.0 / own), min_propensity, clipped))
    return tuple(arms)


def require_overlap(dataset: Dataset) -> None:
    """Reject logs without overlap.

    Raises
    ------
    NoOverlap
        Too few prompts are paired, and too few of the others drew an arm at random.
    """
    paired = int(dataset.paired.sum())
    for arm in overlap(dataset):
        if paired + arm.drawn < np.clip(MIN_DRAWN_SHARE * len(dataset), MIN_DRAWN, SUFFICIENT_DRAWN):
            raise NoOverlap(
                f"no overlap: '{arm.arm}' was drawn by chance for {arm.drawn} of {arm.logged} logged prompts, so "
                "its outcome elsewhere is not identified: collect paired data (thinkgate collect), or switch "
                "exploration on in policy.toml and record propensities"
            )


def _unclipped_probability(dataset: Dataset) -> Array:
    """Return P(the arm occurs at least once among the calls of the prompt), float64 (n, K)."""
    calls = dataset.runs.sum(axis=1, keepdims=True)
    return np.asarray(1.0 - (1.0 - dataset.propensity) ** calls, np.float64)


def _randomized(dataset: Dataset) -> BoolArray:
    """Return where a logged prompt drew the arm at random, bool (n, K)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(~dataset.paired[:, None] & (dataset.propensity < 1.0 - 1e-9), np.bool_)
