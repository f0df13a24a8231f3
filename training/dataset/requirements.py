"""Minimum requirements on the data for learning an uplift; errors state what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from training.errors import TooLittleToLearn
from training.types import Array, IntArray

MINIMUM_PROMPTS: Final = 50
"""Minimum of labelled prompts: cross-fitting, calibration and intervals share them."""
MINIMUM_PROMPTS_PER_ARM: Final = 20
"""Minimum of labelled prompts per arm."""


def require_two(names: Sequence[str]) -> None:
    """Reject a history with fewer than two arms."""
    if not names:
        raise TooLittleToLearn("no row has an arm: fill the column `arm`")
    if len(names) == 1:
        raise TooLittleToLearn(
            f"only one arm in the history: {names[0]}. An uplift needs calls of at least two: route a share of "
            "requests to another arm, or replay these prompts with it"
        )


def require_labels(success: Array) -> None:
    """Reject known successes (m,) that are empty or all equal."""
    if not len(success):
        raise TooLittleToLearn("no success is known: every row's `success` is empty. Grade the calls first")
    if success.min() == success.max():
        raise TooLittleToLearn(
            f"every known success is {success[0]:g}: so no difference can be learnt. Grade by a finer measure, "
            "or add harder prompts"
        )


def require_prompts(runs: IntArray, names: Sequence[str], minimum: int) -> None:
    """Reject a history with too few labelled prompts, in total or of one arm.

    Parameters
    ----------
    runs
        int64 (n, K), calls with a known success.
    names
        K arms.
    minimum
        Labelled prompts required in total.
    """
    labelled = int(runs.any(axis=1).sum())
    if labelled < minimum:
        raise TooLittleToLearn(
            f"{labelled} prompts with a known success are too few: at least {minimum} are needed. Add more history"
        )
    needed = min(MINIMUM_PROMPTS_PER_ARM, minimum)
    for name, count in zip(names, (runs > 0).sum(axis=0), strict=True):
        if count < needed:
            raise TooLittleToLearn(
                f"arm {name} has {count} prompts with a known success; at least {needed} are needed. "
                "Grade or add calls of that arm, or take it out of arms.toml"
            )


def require_drawn(runs: IntArray, names: Sequence[str], population: int) -> None:
    """Reject a random sample with too few labelled prompts of an arm.

    Parameters
    ----------
    runs
        int64 (n, K), calls with a known success of the sampled prompts.
    population
        Prompts they were sampled from.
    """
    for name, count in zip(names, (runs > 0).sum(axis=0), strict=True):
        if count < MINIMUM_PROMPTS_PER_ARM:
            raise TooLittleToLearn(
                f"arm {name} has {count} labelled prompts among the {len(runs):,} that were drawn of {population:,}; "
                f"at least {MINIMUM_PROMPTS_PER_ARM} are needed. Learn from more (--learn-from), or take it out of "
                "arms.toml"
            )
