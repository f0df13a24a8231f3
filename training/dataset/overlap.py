"""Says whether logged history can teach an uplift: how often chance drew each arm, and how much that is worth.

Where a policy chose without chance, nobody knows what the other arm would have done with such requests; a model would
only extend what it saw elsewhere. So logs need a propensity below 1 on enough calls of every arm, or paired prompts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.dataset.dataset import Dataset
from training.errors import TooLittleToLearn
from training.metrics.off_policy import effective_size
from training.types import Array, BoolArray

ENOUGH = 500
"""Prompts of an arm drawn by chance that are enough, however long the logs are."""
LEAST = 10
SHARE = 0.02
"""Share of the logged prompts that must have been given each arm by chance, between `LEAST` and `ENOUGH`."""


class NoOverlap(TooLittleToLearn):
    """The logs were made by rules without chance: what the other arm would have done can't be learnt from them."""


@dataclass(frozen=True, slots=True)
class ArmOverlap:
    """What logged prompts tell about one arm.

    Parameters
    ----------
    logged
        Prompts that not every arm served.
    drawn
        Those of them that chance gave this arm.
    effective
        What these are worth, had the arm been drawn alike for all: (sum w)^2 / sum w^2 with w = 1 / propensity.
    smallest
        Propensity among them; NaN without any.
    clipped
        Share of them whose propensity is below what is believed, see `observation_probability`.
    """

    arm: str
    logged: int
    drawn: int
    effective: float
    smallest: float
    clipped: float

    def __str__(self) -> str:
        words = (
            f"{self.arm} was drawn for {self.drawn:,} of {self.logged:,} logged prompts, worth {self.effective:,.0f}"
        )
        clipped = f", {self.clipped:.1%} of them clipped" if self.clipped else ""
        return f"{words} drawn alike; smallest propensity {self.smallest:.3g}{clipped}"


def observation_probability(dataset: Dataset, logged: int | None = None) -> Array:
    """Give the probability that the outcome of an arm is known, float64 (n, K); NaN where it is not.

    1 on paired prompts. A prompt that was logged R times shows an arm of propensity p with probability 1 - (1 - p)^R.
    Small ones are raised to 1 / sqrt(n), n being the logged prompts: a little bias for much less variance (Ionides
    2008, "Truncated importance sampling", JCGS 17). `logged` is n where these prompts are a part of the history only.
    """
    paired = dataset.paired
    seen = _seen(dataset)
    return np.where(
        paired[:, None], 1.0, np.maximum(seen, propensity_floor(int((~paired).sum()) if logged is None else logged))
    )


def propensity_floor(logged: int) -> float:
    """Give the smallest probability that is believed, of so many logged prompts.

    >>> propensity_floor(10_000)
    0.01
    """
    return 1.0 / max(float(np.sqrt(logged)), 2.0)


def overlap(dataset: Dataset) -> tuple[ArmOverlap, ...]:
    """Look at every arm; nothing for a history that is paired throughout."""
    logged = ~dataset.paired
    count = int(logged.sum())
    if not count:
        return ()
    drawn, seen = _by_chance(dataset), _seen(dataset)
    found = []
    for place, arm in enumerate(dataset.arms):
        own = seen[drawn[:, place], place]
        smallest = float(own.min()) if len(own) else float("nan")
        clipped = float((own < propensity_floor(count)).mean()) if len(own) else 0.0
        found.append(ArmOverlap(arm.name, count, len(own), effective_size(1.0 / own), smallest, clipped))
    return tuple(found)


def require_overlap(dataset: Dataset) -> None:
    """Refuse logs from which no uplift can be learnt.

    Raises
    ------
    NoOverlap
        Too few prompts are paired, and chance gave an arm to too few of the others.
    """
    paired = int(dataset.paired.sum())
    for arm in overlap(dataset):
        if paired + arm.drawn < np.clip(SHARE * len(dataset), LEAST, ENOUGH):
            raise NoOverlap(
                f"no overlap: '{arm.arm}' was drawn by chance for {arm.drawn} of {arm.logged} logged prompts, so "
                "nothing tells what it would have done elsewhere: collect paired data (thinkgate collect), or switch "
                "exploration on in policy.toml and record propensities"
            )


def _seen(dataset: Dataset) -> Array:
    """P(the arm is seen at least once among the calls of the prompt)."""
    calls = dataset.runs.sum(axis=1, keepdims=True)
    return np.asarray(1.0 - (1.0 - dataset.propensity) ** calls, np.float64)


def _by_chance(dataset: Dataset) -> BoolArray:
    """(n, K): was this arm known of a logged prompt by the luck of the draw?"""
    with np.errstate(invalid="ignore"):
        return np.asarray(~dataset.paired[:, None] & (dataset.propensity < 1.0 - 1e-9), np.bool_)
