"""Samples the prompts of a very long history to train on, uniformly at random.

Trees that are small enough for a decision gain little from more prompts, while encoding, cross-fitting and evaluation
would take hours and memory (docs/benchmarks/scale.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.dataset.dataset import Dataset
from training.dataset.requirements import require_drawn

LEARN_FROM = 100_000
"""Default for the maximum number of training prompts."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnSample:
    """The training prompts, in their original order, and the number they were drawn from."""

    dataset: Dataset
    population: int

    @property
    def is_complete(self) -> bool:
        """Whether all prompts are in the sample."""
        return len(self.dataset) == self.population

    def __str__(self) -> str:
        return f"{len(self.dataset):,} of {self.population:,} prompts"


def draw_prompts(dataset: Dataset, at_most: int, seed: int) -> DrawnSample:
    """Draw prompts uniformly without replacement, so that estimates stay unbiased.

    Raises
    ------
    TooLittleToLearn
        The sample has too few labelled prompts of an arm.

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
