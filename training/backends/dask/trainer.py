"""Dask trainer: fits success and uplift on partitions held by workers, with `lightgbm.dask`.

Design rows, outcomes and pseudo-outcomes never leave the workers. What travels: models out, histograms between workers,
one model back.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import dask
import dask.array as da
import lightgbm as lgb
import numpy as np

from training.backends.dask.client import Cluster
from training.backends.dask.partitions import partition_pseudo_outcomes, training_rows, training_shape
from training.dataset import Dataset
from training.models import (
    SHARED_AT_MOST,
    GlobalCounts,
    HeadSpec,
    HeadTrainer,
    Objective,
    OutOfFold,
    PseudoOutcomes,
    Scores,
    TreeHead,
    TreeSettings,
    parameters,
    shared_tree_settings,
    uplift_targets,
)
from training.types import IntArray

NETWORK: Final = re.compile(
    r"^\[(machines|machine_list_filename|local_listen_port|num_machines|time_out|pre_partition|num_threads): .*\]\n",
    re.M,
)
"""Network parameters that LightGBM writes into a model: addresses of workers do not belong into a bundle."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class DaskTrainerFactory:
    """Makes trainers that fit on all partitions; see `training.models.targets.TrainerFactory`.

    Parameters
    ----------
    partitions
        Futures of `Partition`, none of them empty.
    holders
        Worker address of each partition.
    sample, fold
        The local sample of prompts, and int64 (n,) their folds.
    counts, prompts
        Of all partitions.
    """

    cluster: Cluster
    partitions: tuple[Any, ...]
    holders: tuple[str, ...]
    sample: Dataset
    fold: IntArray
    counts: GlobalCounts
    prompts: int

    def trainer(self, trees: TreeSettings) -> HeadTrainer:
        """Give a trainer for one tree size."""
        return DaskHeadTrainer(self, trees)


class DaskHeadTrainer:
    """Fits one head after the other, each on all workers; see `training.models.targets.HeadTrainer`."""

    def __init__(self, factory: DaskTrainerFactory, trees: TreeSettings) -> None:
        self._factory = factory
        self._trees = trees
        self.has_shared_model = bool(factory.counts.calls.sum() <= SHARED_AT_MOST)

    def head(self, spec: HeadSpec, pseudo_outcomes: PseudoOutcomes | None = None) -> TreeHead:
        """Fit one head."""
        factory = self._factory
        outcomes: tuple[Any, ...] = (None,) * len(factory.partitions)
        if pseudo_outcomes is not None and spec.kind == "uplift":
            outcomes = pseudo_outcomes.partitions
        rows = factory.cluster.map(
            training_rows, factory.partitions, outcomes, at=factory.holders, spec=spec, counts=factory.counts
        )
        trees = shared_tree_settings(self._trees) if spec.kind == "all arms" else self._trees
        objective: Objective = "regression" if spec.kind == "uplift" else "cross_entropy"
        boosters = [
            train_booster(factory.cluster, rows, factory.holders, trees, objective, spec.seed * 1009 + bag)
            for bag in range(trees.bags)
        ]
        return TreeHead(tuple(boosters), (1.0 / len(boosters),) * len(boosters))

    def pseudo_outcomes(self, scores: Scores, models: OutOfFold) -> PseudoOutcomes:
        """Compute the pseudo-outcomes of each partition on its worker, and those of the sample here."""
        factory = self._factory
        sent = factory.cluster.client.scatter(models, broadcast=True, hash=False)
        partitions = factory.cluster.map(
            partition_pseudo_outcomes, factory.partitions, at=factory.holders, models=sent, counts=factory.counts
        )
        return PseudoOutcomes(uplift_targets(factory.sample, scores, factory.counts.logged), tuple(partitions))

    def run_jobs(self, jobs: Sequence[Callable[[], T]]) -> Iterator[T]:
        """Run one job after the other: each has all workers."""
        yield from (job() for job in jobs)


def train_booster(
    cluster: Cluster, rows: Sequence[Any], holders: Sequence[str], trees: TreeSettings, objective: Objective, seed: int
) -> lgb.Booster:
    """Fit one booster on the training rows of all partitions.

    Parameters
    ----------
    rows
        Futures of `TrainingRows`.
    holders
        Worker address of each; LightGBM needs all of them to the end.
    """
    shapes = cluster.gather(cluster.map(training_shape, rows))
    filled = [(one, shape) for one, shape in zip(rows, shapes, strict=True) if shape[0]]
    total = sum(shape[0] for _, shape in filled)
    workers = len(set(holders))
    model = lgb.DaskLGBMRegressor(
        client=cluster.client,
        n_estimators=trees.rounds,
        **_sklearn_names(parameters(trees, objective, seed, total, workers)),
    )
    x, y, weight = (
        da.concatenate(
            [
                da.from_delayed(dask.delayed(operator.attrgetter(name))(one), shape[:dims], dtype=kind)
                for one, shape in filled
            ]
        )
        for name, dims, kind in (("x", 2, np.float32), ("y", 1, np.float64), ("weight", 1, np.float64))
    )
    cluster.run_supervised(lambda: model.fit(x, y, sample_weight=weight), holders)
    return lgb.Booster(model_str=NETWORK.sub("", model.booster_.model_to_string()))


def _sklearn_names(params: dict[str, Any]) -> dict[str, Any]:
    """Rename parameters to those of the scikit-learn interface, whose own defaults would otherwise apply."""
    names = {
        "bagging_fraction": "subsample",
        "bagging_freq": "subsample_freq",
        "feature_fraction": "colsample_bytree",
        "lambda_l2": "reg_lambda",
        "min_data_in_leaf": "min_child_samples",
        "seed": "random_state",
    }
    return {names.get(name, name): value for name, value in params.items()}
