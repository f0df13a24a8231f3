"""Takes the prompts that a model is learnt from: all of them, or of a very long history a part that chance drew.

Trees of the size that a decision can afford learn little from the prompts beyond; encoding, cross-fitting and judging
them would take memory and hours (docs/benchmarks/scale.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.dataset.dataset import Dataset
from training.dataset.requirements import require_drawn

LEARN_FROM = 100_000
"""Prompts that a model is learnt from, at most, unless told otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnSample:
    """The prompts to learn from, in their order, and how many there were."""

    dataset: Dataset
    of: int

    @property
    def whole(self) -> bool:
        """Is that all of them?"""
        return len(self.dataset) == self.of

    def __str__(self) -> str:
        return f"{len(self.dataset):,} of {self.of:,} prompts"


def draw_prompts(dataset: Dataset, at_most: int, seed: int) -> DrawnSample:
    """Draw prompts without replacement, every one with the same chance, so that what is learnt stays unbiased.

    Raises
    ------
    TooLittleToLearn
        Hardly any call of an arm was drawn.

    Examples
    --------
    >>> from training.dataset.arm_inference import infer_arms
    >>> from training.dataset.dataset import build_dataset
    >>> from training.synthetic import World
    >>> world = World(seed=3)
    >>> history = world.records(world.sample(60))
    >>> str(draw_prompts(build_dataset(history, infer_arms(history)), 50, seed=0))
    '50 of 60 prompts'
    """
    if len(dataset) <= at_most:
        return DrawnSample(dataset, len(dataset))
    rows = np.sort(np.random.default_rng([seed, 11]).choice(len(dataset), at_most, replace=False))
    drawn = dataset.subset(rows)
    require_drawn(drawn.runs, [arm.name for arm in drawn.arms], len(dataset))
    return DrawnSample(drawn, len(dataset))
