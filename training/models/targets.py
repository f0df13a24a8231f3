"""Training targets: what each head is fitted to, computed for any part of the prompts.

A `HeadTrainer` fits heads. `training.models.local_trainer` holds every prompt; `training.backends.dask` asks workers
that hold a partition each. Targets, rows and weights come from the same functions for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from serving.decision import FloatArray
from training.dataset import Dataset, observation_probability
from training.metrics import doubly_robust_outcomes
from training.models.boosting import Objective, TreeSettings
from training.models.fitted_model import TreeHead
from training.models.meta_learners import Outcome, Scores
from training.types import Array, IntArray

SHARED_AT_MOST = 100_000
"""Calls up to which a model of all arms is fitted: it needs a row for each, and long histories do with one per arm."""
COPIES = 8
"""Times that the columns of the arm are repeated, see `arm_columns`."""
BEST: Outcome = "T+S"
"""Success models of the pseudo-outcomes: the better they are, the less noise inverse propensities amplify."""
WEIGHT_AT_MOST = 5.0
"""Largest inverse propensity in training targets."""
EVERY = -1
"""Leaves out no fold."""
Kind = Literal["success", "all arms", "uplift"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """One head to fit.

    Parameters
    ----------
    kind
        Success of one arm, success of all arms by one model that reads the arm, or uplift of one arm.
    held_out
        The fold to leave out; `EVERY` leaves out none.
    """

    kind: Kind
    arm: int
    held_out: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class PseudoOutcomes:
    """The (pseudo-)outcomes that uplift is fitted to, and learners are ranked and calibrated by.

    Parameters
    ----------
    local
        float64 (n, K), of the prompts that this process holds.
    partitions
        Handles of those that workers hold; only the trainer that made them reads them.
    """

    local: Array
    partitions: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Success models of every fold, fitted without it: K heads each; `shared`, K views of the model of all arms."""

    success: tuple[tuple[TreeHead, ...], ...]
    shared: tuple[tuple[TreeHead, ...], ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class GlobalCounts:
    """Counts over all prompts that a partition needs to weight its own.

    Parameters
    ----------
    logged
        Prompts that not every arm served.
    calls, inverse
        float64 (K,), observed outcomes per arm, and the sum of their clipped inverse probabilities.
    """

    logged: int
    calls: Array
    inverse: Array

    @staticmethod
    def of(dataset: Dataset, logged: int) -> GlobalCounts:
        """Count one partition; the counts of partitions add up."""
        return GlobalCounts(
            logged, dataset.observed.sum(axis=0).astype(np.float64), _inverse(dataset, logged).sum(axis=0)
        )


@dataclass(frozen=True, slots=True, eq=False)
class HeadTarget:
    """What a head is fitted to: float64 `y` and `weight`, read at `rows` (m,) of all prompts or all calls."""

    objective: Objective
    y: Array
    weight: Array
    rows: IntArray


class TrainerFactory(Protocol):
    """Makes head trainers over all prompts, which may be more than this process holds."""

    @property
    def fold(self) -> IntArray:
        """int64 (n,): folds of the local prompts."""
        ...

    @property
    def prompts(self) -> int:
        """How many prompts the trainers fit on."""
        ...

    def trainer(self, trees: TreeSettings) -> HeadTrainer:
        """Give a trainer for one tree size."""
        ...


class HeadTrainer(Protocol):
    """Fits heads of one tree size."""

    @property
    def has_shared_model(self) -> bool:
        """Whether it fits a model of all arms."""
        ...

    def head(self, spec: HeadSpec, pseudo_outcomes: PseudoOutcomes | None = None) -> TreeHead:
        """Fit one head; uplift needs pseudo-outcomes. The model of all arms comes without its tails."""
        ...

    def pseudo_outcomes(self, scores: Scores, models: OutOfFold) -> PseudoOutcomes:
        """Compute the pseudo-outcomes from success models; `scores` are theirs on the local prompts."""
        ...

    def run_jobs(self, jobs: Sequence[Callable[[], T]]) -> Iterator[T]:
        """Run jobs that call `head`; results come in their order."""
        ...


def doubly_robust_targets(
    dataset: Dataset, success: Array, at_most: float = np.inf, logged: int | None = None
) -> Array:
    """Give the doubly robust outcome of every arm on every prompt.

    Parameters
    ----------
    success
        float64 (n, K), out-of-fold P(success | arm).
    at_most
        Inverse propensities are clipped here: less noise, and bias only as far as the success models are wrong.
    logged
        Prompts of the whole history that not every arm served; None: these prompts are all of it.

    Returns
    -------
    float64 (n, K): the observed outcome itself on paired prompts; on logged ones, unclipped, unbiased for
    P(success | arm) given right propensities or right outcome models. Differences of columns are uplifts.
    """
    return doubly_robust_outcomes(dataset.success, observation_probability(dataset, logged), success, at_most)


def uplift_targets(dataset: Dataset, oof: Scores, logged: int | None = None) -> Array:
    """Give the clipped pseudo-outcomes that uplift is fitted to: float64 (n, K)."""
    return doubly_robust_targets(dataset, oof.success_by(BEST), WEIGHT_AT_MOST, logged)


def call_weights(dataset: Dataset, counts: GlobalCounts | None = None) -> Array:
    """Give the weight of each arm's call, float64 (n, K): inverse probability weights of logged calls.

    The logging policy may have known what no text shows; then only 1 / propensity makes an arm's calls represent all
    prompts. Clipped at `WEIGHT_AT_MOST`: unclipped weights add more variance than they remove bias. Mean 1 per arm over
    all prompts, 1 on paired prompts, 0 where the arm was not called.
    """
    if counts is None:
        counts = GlobalCounts.of(dataset, int((~dataset.paired).sum()))
    inverse = _inverse(dataset, counts.logged)
    return np.asarray(inverse * counts.calls / np.maximum(counts.inverse, 1e-12), np.float64)


def head_target(
    spec: HeadSpec,
    dataset: Dataset,
    fold: IntArray,
    counts: GlobalCounts | None = None,
    pseudo_outcomes: Array | None = None,
) -> HeadTarget:
    """Compute the target of a head on these prompts.

    Parameters
    ----------
    fold
        int64 (n,).
    counts
        Of all prompts; None: these prompts are all.
    pseudo_outcomes
        float64 (n, K), for uplift.
    """
    kept, arm = fold != spec.held_out, spec.arm
    if spec.kind == "uplift":
        assert pseudo_outcomes is not None
        runs = dataset.runs[:, [0, arm]].astype(np.float64)
        # Variance of a paired difference falls with the runs of both arms; of a logged one with the runs there are.
        weight = np.sqrt(np.where(dataset.paired, runs.min(axis=1), np.maximum(runs.max(axis=1), 1.0)))
        return HeadTarget("regression", pseudo_outcomes[:, arm] - pseudo_outcomes[:, 0], weight, np.flatnonzero(kept))
    weights = np.sqrt(dataset.runs.astype(np.float64)) * call_weights(dataset, counts)
    if spec.kind == "success":
        rows = np.flatnonzero(kept & dataset.observed[:, arm])
        return HeadTarget("cross_entropy", dataset.success[:, arm], weights[:, arm], rows)
    prompt, called = np.nonzero(dataset.observed)
    return HeadTarget(
        "cross_entropy", dataset.success[prompt, called], weights[prompt, called], np.flatnonzero(kept[prompt])
    )


def stacked_rows(x: FloatArray, dataset: Dataset) -> FloatArray:
    """Give one row per prompt and observed arm, its arm in the last columns: float32 (m, P + (K-1) COPIES)."""
    prompt, called = np.nonzero(dataset.observed)
    arms = len(dataset.arms)
    columns = np.asarray([arm_columns(arm, arms) for arm in range(arms)], np.float32)
    return np.column_stack([x[prompt], columns[called]])


def shared_tree_settings(trees: TreeSettings) -> TreeSettings:
    """Give the tree size of the model of all arms."""
    return replace(trees, leaves=2 * trees.leaves, bags=1)


def arm_columns(arm: int, arms: int) -> tuple[float, ...]:
    """Give the one-hot arm columns of a shared model, `COPIES` times: a tree samples a small share of all columns."""
    return tuple(float(arm == other) for other in range(1, arms)) * COPIES


def split_by_arm(head: TreeHead, arms: int) -> tuple[TreeHead, ...]:
    """Read the model of all arms as one head per arm."""
    return tuple(replace(head, tails=(arm_columns(arm, arms),) * len(head.boosters)) for arm in range(arms))


def _inverse(dataset: Dataset, logged: int) -> Array:
    inverse = np.minimum(1.0 / observation_probability(dataset, logged), WEIGHT_AT_MOST)
    return np.asarray(np.where(dataset.observed, inverse, 0.0), np.float64)
