"""Parameters of a synthetic world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from serving.decision import Arm
from training.synthetic.concept_drift import ConceptDrift
from training.synthetic.task_types import LANGUAGES, TASKS, BadWorld

DEFAULT_ARMS: Final = (
    Arm("direct", "gpt-5.1", "none", 300.0, 2000.0),
    Arm("reasoning", "gpt-5.1", "high", 2500.0, 20_000.0),
)
"""The arms of `data/arms.toml`."""


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """What a synthetic world is made of; equal specs give equal worlds.

    Parameters
    ----------
    seed
        Not negative. The same seed gives the same prompts and the same outcome of every possible call.
    arms
        At least two, the baseline first; each needs a price, a GPU price or a model of the price book.
    mix
        Task -> relative share; tasks left out don't occur. None: the shares of `task_types.TASKS`.
    languages
        Language -> relative share. None: `task_types.LANGUAGES`.
    difficulty
        0: levels are spread evenly; above, prompts get harder, below, easier, and their texts with them.
    hidden
        Scale of the part of the difficulty that no text shows; 0: the level is all there is.
    start, days
        First moment (epoch seconds) and length of the history.
    shift
        Concept drift in the middle of the history; None: nothing changes.

    Raises
    ------
    BadWorld
        The parameters are out of range or name unknown tasks or languages.
    """

    seed: int
    arms: tuple[Arm, ...] = DEFAULT_ARMS
    mix: Mapping[str, float] | None = None
    languages: Mapping[str, float] | None = None
    difficulty: float = 0.0
    hidden: float = 1.0
    start: float = 1_767_225_600.0  # 2026-01-01T00:00:00Z
    days: float = 28.0
    shift: ConceptDrift | None = None

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise BadWorld(f"seed {self.seed} is negative: use 0 or more")
        if len(self.arms) < 2 or len({arm.name for arm in self.arms}) < len(self.arms):
            raise BadWorld("a world needs two or more arms with different names")
        _check_shares("mix", self.mix, tuple(TASKS))
        _check_shares("languages", self.languages, tuple(LANGUAGES))
        if not (self.days > 0 and self.hidden >= 0 and np.isfinite([self.difficulty, self.days, self.hidden]).all()):
            raise BadWorld("days must be above 0, hidden not negative, and difficulty finite")


def _check_shares(what: str, shares: Mapping[str, float] | None, known: tuple[str, ...]) -> None:
    if shares is None:
        return
    if unknown := set(shares) - set(known):
        raise BadWorld(f"{what} names unknown {sorted(unknown)}; known are {', '.join(known)}")
    if not all(share >= 0 and np.isfinite(share) for share in shares.values()) or not sum(shares.values()) > 0:
        raise BadWorld(f"{what} must hold finite shares, none negative and one above 0")
