"""Refuses a history from which no uplift can be learnt, and says what it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from training.errors import TooLittleToLearn
from training.types import Array, IntArray

MINIMUM_PROMPTS: Final = 50
"""Labelled prompts below which no model is fitted: cross-fitting, calibration and intervals have to share them."""
MINIMUM_PROMPTS_PER_ARM: Final = 20
"""Labelled prompts that every arm needs."""


def require_two(names: Sequence[str]) -> None:
    """Refuse a history with fewer than two arms."""
    if not names:
        raise TooLittleToLearn("no row has an arm: fill the column `arm`")
    if len(names) == 1:
        raise TooLittleToLearn(
            f"only one arm in the history: {names[0]}. An uplift needs calls of at least two: route a share of "
            "requests to another arm, or replay these prompts with it"
        )


def require_labels(success: Array) -> None:
    """Refuse a history whose known successes (m,) are none, or all the same."""
    if not len(success):
        raise TooLittleToLearn("no success is known: every row's `success` is empty. Grade the calls first")
    if success.min() == success.max():
        raise TooLittleToLearn(
            f"every known success is {success[0]:g}: nothing tells good calls from bad ones. Grade by a finer measure, "
            "or add harder prompts"
        )


def require_prompts(runs: IntArray, names: Sequence[str], minimum: int) -> None:
    """Refuse a history with too few labelled prompts, in all or of one arm.

    Parameters
    ----------
    runs
        int64 (n, K), calls with a known success.
    names
        K arms.
    minimum
        Labelled prompts needed in all.
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


def require_drawn(runs: IntArray, names: Sequence[str], of: int) -> None:
    """Refuse a draw from a long history in which chance left too little of an arm.

    Parameters
    ----------
    runs
        int64 (n, K), calls with a known success of the prompts that were drawn.
    of
        Prompts that they were drawn from.
    """
    for name, count in zip(names, (runs > 0).sum(axis=0), strict=True):
        if count < MINIMUM_PROMPTS_PER_ARM:
            raise TooLittleToLearn(
                f"arm {name} has {count} labelled prompts among the {len(runs):,} that were drawn of {of:,}; at least "
                f"{MINIMUM_PROMPTS_PER_ARM} are needed. Learn from more (--learn-from), or take it out of arms.toml"
            )
