"""Local trainer: fits heads on prompts that this process holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from serving.decision import FloatArray
from training.dataset import Dataset
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
    head_target,
    shared_tree_settings,
    stacked_rows,
    uplift_targets,
)
from training.types import IntArray

T = TypeVar("T")


class LocalHeadTrainer:
    """Fits heads of one tree size on rows that are binned once; see `training.models.targets.HeadTrainer`.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    fold
        int64 (n,); None where only `EVERY` is asked for.
    stack
        Prepare the model of all arms, too, unless the history is too long for it.
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
        self._counts = GlobalCounts.of(dataset, int((~dataset.paired).sum()))
        self._binned = BinnedRows(x, trees, threads)
        self.has_shared_model = stack and int(dataset.observed.sum()) <= SHARED_AT_MOST
        self._stacked = (
            BinnedRows(stacked_rows(x, dataset), shared_tree_settings(trees), threads)
            if self.has_shared_model
            else None
        )

    def head(self, spec: HeadSpec, pseudo_outcomes: PseudoOutcomes | None = None) -> TreeHead:
        """Fit one head."""
        outcomes = None if pseudo_outcomes is None else pseudo_outcomes.local
        target = head_target(spec, self._dataset, self._fold, self._counts, outcomes)
        binned = self._stacked if spec.kind == "all arms" else self._binned
        assert binned is not None
        return binned.head(target.y, target.rows, target.objective, weight=target.weight, seed=spec.seed)

    def pseudo_outcomes(self, scores: Scores, models: OutOfFold) -> PseudoOutcomes:  # noqa: ARG002 - scores say it all
        """Compute the pseudo-outcomes."""
        return PseudoOutcomes(uplift_targets(self._dataset, scores))

    def run_jobs(self, jobs: Sequence[Callable[[], T]]) -> Iterator[T]:
        """Run jobs in parallel threads; results come in their order."""
        return self._binned.run_jobs(jobs)


@dataclass(frozen=True, slots=True, eq=False)
class LocalTrainerFactory:
    """Makes local trainers; see `training.models.targets.TrainerFactory`."""

    x: FloatArray
    dataset: Dataset
    fold: IntArray
    threads: int

    @property
    def prompts(self) -> int:
        """Number of prompts."""
        return len(self.dataset)

    def trainer(self, trees: TreeSettings) -> HeadTrainer:
        """Give a trainer for one tree size."""
        return LocalHeadTrainer(self.x, self.dataset, self.fold, trees, self.threads)
