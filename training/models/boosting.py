"""Gradient-boosted trees (LightGBM) over design rows: small, strongly regularised, bagged over seeds, raw scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from serving.decision import FloatArray
from training.models.fitted_model import TreeHead
from training.types import Array, IntArray

Objective = Literal["cross_entropy", "regression"]
T = TypeVar("T")

ROWS_A_TREE = 60_000
"""Rows sampled for each tree, at most: on long histories all rows are used, but not by every tree."""
BY_ROWS = 50_000
"""Rows of a history up to which histograms are built row by row; of longer ones column by column, which is twice as
fast where a tree sees an eighth of the columns."""


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """Size and regularisation of one head.

    Parameters
    ----------
    rounds, leaves
        Trees per booster and leaves per tree.
    bags
        Boosters per head, each with its own seed; their mean is the score.
    """

    rounds: int = 120
    leaves: int = 31
    bags: int = 1
    learning_rate: float = 0.06
    feature_fraction: float = 0.2
    bagging_fraction: float = 0.7
    l2: float = 10.0
    min_rows: int = 20
    max_bin: int = 63


class BinnedRows:
    """Design rows, binned once and used for many targets, from several threads at a time.

    Parameters
    ----------
    x
        float32 (n, P).
    threads
        Processors to use.
    """

    def __init__(self, x: FloatArray, trees: TreeSettings, threads: int) -> None:
        self._trees = trees
        # One thread a booster, several boosters in parallel: threads that share the little work of a tree, which reads
        # `ROWS_A_TREE` rows at most, mostly wait for each other.
        self._threads = threads
        self._by_rows = len(x) <= BY_ROWS
        params = {"max_bin": trees.max_bin, "verbosity": -1, "feature_pre_filter": False}
        self._data = lgb.Dataset(x, params={**params, "num_threads": threads}, free_raw_data=False)
        self._data.construct()
        # LightGBM's thread count is process-wide: changing it while boosters train corrupts their memory.
        self._part_params = {**params, "num_threads": 1}

    def run_jobs(self, jobs: Sequence[Callable[[], T]]) -> Iterator[T]:
        """Run jobs that call `head` in parallel threads; results come in the order of the jobs."""
        return run_parallel(jobs, self._threads)

    def head(
        self,
        y: Array,
        rows: IntArray,
        objective: Objective,
        *,
        weight: Array | None = None,
        seed: int = 0,
    ) -> TreeHead:
        """Fit one head.

        Parameters
        ----------
        y, weight
            float64 (n,); read at `rows` only.
        rows
            Indices of the training rows, ascending.
        """
        boosters = []
        # A copy, even of all rows: it has its own labels, so threads do not share state.
        data = self._data.subset(rows, self._part_params)
        data.construct()
        data.set_label(y[rows])
        data.set_weight(None if weight is None else weight[rows])
        for bag in range(self._trees.bags):
            params = {
                **parameters(self._trees, objective, seed * 1009 + bag, len(rows)),
                "num_threads": 1,
                "force_row_wise": self._by_rows,
                "force_col_wise": not self._by_rows,
            }
            boosters.append(lgb.train(params, data, num_boost_round=self._trees.rounds))
        return TreeHead(tuple(boosters), (1.0 / len(boosters),) * len(boosters))


def run_parallel(jobs: Sequence[Callable[[], T]], threads: int) -> Iterator[T]:
    """Run jobs, `threads` at a time; results come in the order of the jobs."""
    if threads == 1:
        yield from (job() for job in jobs)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(lambda job: job(), jobs)


def parameters(trees: TreeSettings, objective: Objective, seed: int, rows: int, workers: int = 1) -> dict[str, Any]:
    """Give LightGBM's parameters of one booster.

    Parameters
    ----------
    rows
        Training rows on all workers together.
    workers
        Number of workers; a tree reads `ROWS_A_TREE` rows of each.
    """
    return {
        "objective": objective,
        "num_leaves": trees.leaves,
        "learning_rate": trees.learning_rate,
        "feature_fraction": trees.feature_fraction,
        "bagging_fraction": min(trees.bagging_fraction, workers * ROWS_A_TREE / rows),
        "bagging_freq": 1,
        "lambda_l2": trees.l2,
        "min_data_in_leaf": max(2, min(trees.min_rows, rows // 10)),
        "max_bin": trees.max_bin,
        "feature_pre_filter": False,
        "seed": seed,
        "verbosity": -1,
        "deterministic": True,
        "force_row_wise": True,
    }


def raw_scores(head: TreeHead, x: FloatArray) -> Array:
    """Evaluate a head: float64 (n,)."""
    total = np.full(len(x), head.offset)
    for booster, weight, tail in head.parts:
        rows = with_columns(x, tail) if tail else x
        total += weight * np.asarray(booster.predict(rows, raw_score=True, num_threads=1), np.float64)
    return total


def with_columns(x: FloatArray, tail: Sequence[float]) -> FloatArray:
    """Add constant columns to design rows: float32 (n, P + len(tail))."""
    return np.column_stack([x, np.broadcast_to(np.asarray(tail, np.float32), (len(x), len(tail)))])


def shifted(head: TreeHead, offset: float) -> TreeHead:
    """Move a head's score by a constant."""
    return replace(head, offset=head.offset + offset)


def scaled(head: TreeHead, factor: float) -> TreeHead:
    """Multiply a head's score by a constant."""
    return replace(head, weights=tuple(factor * weight for weight in head.weights), offset=factor * head.offset)


def averaged(heads: Sequence[TreeHead]) -> TreeHead:
    """Average the scores of heads."""
    parts = [part for head in heads for part in head.parts]
    return TreeHead(
        boosters=tuple(booster for booster, _, _ in parts),
        weights=tuple(weight / len(heads) for _, weight, _ in parts),
        offset=sum(head.offset for head in heads) / len(heads),
        tails=tuple(tail for _, _, tail in parts),
    )


def sigmoid(logits: Array) -> Array:
    """Map log-odds to probability."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), np.float64)


def log_odds(probability: Array) -> Array:
    """Map probability to log-odds; 0 and 1 stay finite."""
    kept = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(kept / (1 - kept)), np.float64)


def folds_of(groups: Sequence[object] | NDArray[np.object_], count: int, rng: np.random.Generator) -> IntArray:
    """Assign rows to folds at random, stratified by group (task): int64 (n,)."""
    labels = np.asarray([str(group) for group in groups])
    order = np.lexsort((rng.random(len(labels)), labels))
    fold = np.empty(len(labels), np.int64)
    fold[order] = np.arange(len(labels)) % count
    return fold
