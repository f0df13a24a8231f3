"""Learns heads from prompts that are all at hand, on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from serving.decision.types import FloatArray
from training.dataset.dataset import Dataset
from training.models.boosting import BinnedRows, TreeSettings
from training.models.fitted_model import TreeHead
from training.models.meta_learners import Scores
from training.models.targets import (
    SHARED_AT_MOST,
    GlobalCounts,
    HeadSpec,
    HeadTrainer,
    OutOfFold,
    PseudoOutcomes,
    shared_tree_settings,
    stacked,
    target,
    uplift_targets,
)
from training.types import IntArray

T = TypeVar("T")


class LocalHeadTrainer:
    """Learns from prompts that are all at hand, binned once.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    fold
        int64 (n,); None where only `EVERY` is asked for.
    stack
        Make ready for the model of all arms, too, unless the history is too long for it.
    """

    def __init__(
        self,
        x: FloatArray,
        dataset: Dataset,
        fold: IntArray | None,
        trees: TreeSettings,
        threads: int,
        *,
        stack: bool = True,
    ) -> None:
        self._dataset = dataset
        self._fold = np.zeros(len(x), np.int64) if fold is None else fold
        self._whole = GlobalCounts.of(dataset, int((~dataset.paired).sum()))
        self._binned = BinnedRows(x, trees, threads)
        self.shares = stack and int(dataset.observed.sum()) <= SHARED_AT_MOST
        self._stacked = BinnedRows(stacked(x, dataset), shared_tree_settings(trees), threads) if self.shares else None

    def head(self, subject: HeadSpec, truth: PseudoOutcomes | None = None) -> TreeHead:
        """Learn one head."""
        told = target(subject, self._dataset, self._fold, self._whole, None if truth is None else truth.here)
        binned = self._stacked if subject.kind == "all arms" else self._binned
        assert binned is not None
        return binned.head(told.y, told.rows, told.objective, weight=told.weight, seed=subject.seed)

    def pseudo_outcomes(self, known: Scores, by: OutOfFold) -> PseudoOutcomes:  # noqa: ARG002 - nobody else has to be told the models
        """Work out the pseudo-outcomes."""
        return PseudoOutcomes(uplift_targets(self._dataset, known))

    def side_by_side(self, jobs: Sequence[Callable[[], T]]) -> Iterator[T]:
        """Run as many jobs at a time as short boosters leave processors for."""
        return self._binned.side_by_side(jobs)


@dataclass(frozen=True, slots=True, eq=False)
class LocalTrainerFactory:
    """The school whose prompts are all at hand."""

    x: FloatArray
    dataset: Dataset
    fold: IntArray
    threads: int

    @property
    def prompts(self) -> int:
        """How many are learnt from."""
        return len(self.dataset)

    def trainer(self, trees: TreeSettings) -> HeadTrainer:
        """Make ready to learn with one size of trees."""
        return LocalHeadTrainer(self.x, self.dataset, self.fold, trees, self.threads)
