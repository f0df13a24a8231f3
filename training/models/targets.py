"""Says what each head of the model is learnt from, as a function of any part of the prompts.

A `HeadTrainer` learns heads. `training.models.local_trainer` holds every prompt; `training.backends.dask` asks
workers that hold a part each. What a head is to tell, from which prompts and with which weight, is the same function
for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from serving.decision.types import FloatArray
from training.dataset.dataset import Dataset
from training.dataset.overlap import observation_probability
from training.metrics.off_policy import doubly_robust_outcomes
from training.models.boosting import Objective, TreeSettings
from training.models.fitted_model import TreeHead
from training.models.meta_learners import Outcome, Scores
from training.types import Array, IntArray

SHARED_AT_MOST = 100_000
"""Calls that the model of all arms learns from: it needs a row for each, and long histories feed one model per arm."""
COPIES = 8
BEST: Outcome = "T+S"
"""Success models that pseudo-outcomes lean on: the nearer they are, the less noise inverse propensities blow up."""
WEIGHT_AT_MOST = 5.0
"""Prompts that one logged call stands for, at most, while models learn."""
EVERY = -1
"""No fold is left out."""
Kind = Literal["success", "all arms", "uplift"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """One head to learn.

    Parameters
    ----------
    kind
        Success of one arm, success of all arms by one model that reads the arm, or uplift of one arm.
    but
        The fold that is not learnt from; `EVERY` learns from all.
    """

    kind: Kind
    arm: int
    but: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class PseudoOutcomes:
    """The (pseudo-)outcomes that uplift is learnt from, chosen by and calibrated on.

    Parameters
    ----------
    here
        float64 (n, K), of the prompts at hand.
    parts
        Those of other prompts, where they are kept; a lesson gives them out and takes them back.
    """

    here: Array
    parts: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Success models of every fold, learnt without it: K heads each; `shared`, K views of the model of all arms."""

    success: tuple[tuple[TreeHead, ...], ...]
    shared: tuple[tuple[TreeHead, ...], ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class GlobalCounts:
    """What a part has to know of all prompts.

    Parameters
    ----------
    logged
        Prompts that not every arm served.
    calls, inverse
        float64 (K,), observed arms and the sum of their cut inverse chances.
    """

    logged: int
    calls: Array
    inverse: Array

    @staticmethod
    def of(dataset: Dataset, logged: int) -> GlobalCounts:
        """Add up one part; the parts' sums are added again."""
        return GlobalCounts(
            logged, dataset.observed.sum(axis=0).astype(np.float64), _inverse(dataset, logged).sum(axis=0)
        )


@dataclass(frozen=True, slots=True, eq=False)
class HeadTarget:
    """What a head learns: float64 `y` and `weight` at places `rows` (m,) of all prompts, or of all their calls."""

    objective: Objective
    y: Array
    weight: Array
    rows: IntArray


class TrainerFactory(Protocol):
    """Where success and uplift are learnt: it may have more prompts than are at hand."""

    @property
    def fold(self) -> IntArray:
        """int64 (n,): folds of the prompts at hand."""
        ...

    @property
    def prompts(self) -> int:
        """How many are learnt from."""
        ...

    def trainer(self, trees: TreeSettings) -> HeadTrainer:
        """Make ready to learn with one size of trees."""
        ...


class HeadTrainer(Protocol):
    """Learns heads with one size of trees."""

    @property
    def shares(self) -> bool:
        """Is there a model of all arms?"""
        ...

    def head(self, subject: HeadSpec, truth: PseudoOutcomes | None = None) -> TreeHead:
        """Learn one head; uplift needs the truth. The model of all arms comes without its tails."""
        ...

    def pseudo_outcomes(self, known: Scores, by: OutOfFold) -> PseudoOutcomes:
        """Work out the pseudo-outcomes: `known` are the scores of the prompts at hand by these models."""
        ...

    def side_by_side(self, jobs: Sequence[Callable[[], T]]) -> Iterator[T]:
        """Run jobs that call `head`; results come in their order."""
        ...


def pseudo_outcomes(dataset: Dataset, success: Array, at_most: float = np.inf, logged: int | None = None) -> Array:
    """Give the doubly robust outcome of every arm on every prompt.

    Parameters
    ----------
    success
        float64 (n, K), out-of-fold P(success | arm).
    at_most
        Inverse propensities are cut here: less noise, and bias only as far as the success models are wrong.
    logged
        Prompts of the whole history that not every arm served; None: these prompts are the whole.

    Returns
    -------
    float64 (n, K): the observed outcome itself on paired prompts; elsewhere, uncut, unbiased for P(success | arm) given
    right propensities or right outcome models. Differences of columns are uplifts.
    """
    return doubly_robust_outcomes(dataset.success, observation_probability(dataset, logged), success, at_most)


def uplift_targets(dataset: Dataset, oof: Scores, logged: int | None = None) -> Array:
    """Give the pseudo-outcomes that uplift is learnt from, chosen by and calibrated on: float64 (n, K)."""
    return pseudo_outcomes(dataset, oof.chance(BEST), WEIGHT_AT_MOST, logged)


def call_weights(dataset: Dataset, whole: GlobalCounts | None = None) -> Array:
    """Give the weight of each arm's call, float64 (n, K): logged calls stand for those that were sent elsewhere.

    The old policy may have known what no text shows; then only 1 / propensity makes an arm's calls speak for all
    prompts. It is cut at `WEIGHT_AT_MOST`: uncut weights cost more in noise than they cure. Mean 1 per arm over the
    whole, 1 on paired prompts, 0 where the arm was not called.
    """
    if whole is None:
        whole = GlobalCounts.of(dataset, int((~dataset.paired).sum()))
    inverse = _inverse(dataset, whole.logged)
    return np.asarray(inverse * whole.calls / np.maximum(whole.inverse, 1e-12), np.float64)


def target(
    subject: HeadSpec, dataset: Dataset, fold: IntArray, whole: GlobalCounts | None = None, truth: Array | None = None
) -> HeadTarget:
    """Say what these prompts teach a head.

    Parameters
    ----------
    fold
        int64 (n,).
    truth
        float64 (n, K), for uplift.
    """
    of, arm = fold != subject.but, subject.arm
    if subject.kind == "uplift":
        assert truth is not None
        runs = dataset.runs[:, [0, arm]].astype(np.float64)
        # Variance of a paired difference falls with the runs of both arms; of a logged one with the runs there are.
        weight = np.sqrt(np.where(dataset.paired, runs.min(axis=1), np.maximum(runs.max(axis=1), 1.0)))
        return HeadTarget("regression", truth[:, arm] - truth[:, 0], weight, np.flatnonzero(of))
    weights = np.sqrt(dataset.runs.astype(np.float64)) * call_weights(dataset, whole)
    if subject.kind == "success":
        rows = np.flatnonzero(of & dataset.observed[:, arm])
        return HeadTarget("cross_entropy", dataset.success[:, arm], weights[:, arm], rows)
    prompt, called = np.nonzero(dataset.observed)
    return HeadTarget(
        "cross_entropy", dataset.success[prompt, called], weights[prompt, called], np.flatnonzero(of[prompt])
    )


def stacked(x: FloatArray, dataset: Dataset) -> FloatArray:
    """Give one row per prompt and observed arm, its arm in the last columns: float32 (m, P + (K-1) COPIES)."""
    prompt, called = np.nonzero(dataset.observed)
    arms = len(dataset.arms)
    marks = np.asarray([arm_columns(place, arms) for place in range(arms)], np.float32)
    return np.column_stack([x[prompt], marks[called]])


def shared_tree_settings(trees: TreeSettings) -> TreeSettings:
    """Give the size of the trees of the model of all arms."""
    return replace(trees, leaves=2 * trees.leaves, bags=1)


def arm_columns(arm: int, arms: int) -> tuple[float, ...]:
    """Give the columns that tell a shared model its arm, many times over: a tree sees a small draw of all columns."""
    return tuple(float(arm == other) for other in range(1, arms)) * COPIES


def split_by_arm(head: TreeHead, arms: int) -> tuple[TreeHead, ...]:
    """Read the model of all arms as one head per arm."""
    return tuple(replace(head, tails=(arm_columns(arm, arms),) * len(head.boosters)) for arm in range(arms))


def _inverse(dataset: Dataset, logged: int) -> Array:
    inverse = np.minimum(1.0 / observation_probability(dataset, logged), WEIGHT_AT_MOST)
    return np.asarray(np.where(dataset.observed, inverse, 0.0), np.float64)
