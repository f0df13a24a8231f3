"""Concept drift of a synthetic world: a change of workload and of model behaviour at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from training.synthetic.task_types import TASKS, BadWorld


@dataclass(frozen=True, slots=True)
class ConceptDrift:
    """A change that takes hold at one moment and stays.

    Parameters
    ----------
    day
        When, in days after the world's start.
    mix
        Task -> factor on its share.
    gain
        Task -> factor on what reasoning adds, for all arms that reason.
    skill
        Task -> logits added to every arm.
    tokens, latency
        Factors on hidden tokens and on latency.

    Examples
    --------
    >>> ConceptDrift(day=14, mix={"maths": 3.0}, gain={"maths": 0.2}).tokens
    1.0
    """

    day: float
    mix: Mapping[str, float] = field(default_factory=dict)
    gain: Mapping[str, float] = field(default_factory=dict)
    skill: Mapping[str, float] = field(default_factory=dict)
    tokens: float = 1.0
    latency: float = 1.0

    def __post_init__(self) -> None:
        """Reject unknown tasks and negative or undefined factors."""
        if unknown := {*self.mix, *self.gain, *self.skill} - set(TASKS):
            raise BadWorld(f"the shift names unknown tasks {sorted(unknown)}; known are {', '.join(TASKS)}")
        numbers = [self.day, self.tokens, self.latency, *self.mix.values(), *self.gain.values()]
        if not all(number >= 0 and np.isfinite(number) for number in numbers):
            raise BadWorld("day, tokens, latency, mix and gain of a shift must be finite and not negative")
