"""Learns success and uplift from parts on workers, by `lightgbm.dask`; each works out itself what a head learns.

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
from training.dataset.dataset import Dataset
from training.models.boosting import Objective, TreeSettings, parameters
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
    uplift_targets,
)
from training.types import IntArray

NETWORK: Final = re.compile(
    r"^\[(machines|machine_list_filename|local_listen_port|num_machines|time_out|pre_partition|num_threads): .*\]\n",
    re.M,
)
"""What LightGBM writes of its machines into a model: nothing that a bundle should tell."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class DaskTrainerFactory:
    """Where success and uplift are learnt from every part.

    Parameters
    ----------
    parts
        Futures of `Part`, none of them empty.
    holders
        Worker of each.
    sample
        The prompts at hand, and their folds.
    whole, prompts
        Of all parts.
    """

    cluster: Cluster
    parts: tuple[Any, ...]
    holders: tuple[str, ...]
    sample: Dataset
    fold: IntArray
    whole: GlobalCounts
    prompts: int

    def trainer(self, trees: TreeSettings) -> HeadTrainer:
        """Make ready to learn with one size of trees."""
        return DaskHeadTrainer(self, trees)


class DaskHeadTrainer:
    """Learns one head after the other, each on all workers."""

    def __init__(self, school: DaskTrainerFactory, trees: TreeSettings) -> None:
        self._school = school
        self._trees = trees
        self.shares = bool(school.whole.calls.sum() <= SHARED_AT_MOST)

    def head(self, subject: HeadSpec, truth: PseudoOutcomes | None = None) -> TreeHead:
        """Learn one head."""
        school = self._school
        truths = truth.parts if truth is not None and subject.kind == "uplift" else (None,) * len(school.parts)
        told = school.cluster.map(
            training_rows, school.parts, truths, at=school.holders, subject=subject, whole=school.whole
        )
        trees = shared_tree_settings(self._trees) if subject.kind == "all arms" else self._trees
        objective: Objective = "regression" if subject.kind == "uplift" else "cross_entropy"
        boosters = [
            train_booster(school.cluster, told, school.holders, trees, objective, subject.seed * 1009 + bag)
            for bag in range(trees.bags)
        ]
        return TreeHead(tuple(boosters), (1.0 / len(boosters),) * len(boosters))

    def pseudo_outcomes(self, known: Scores, by: OutOfFold) -> PseudoOutcomes:
        """Work out the pseudo-outcomes where the prompts are; those of the sample here."""
        school = self._school
        models = school.cluster.client.scatter(by, broadcast=True, hash=False)
        parts = school.cluster.map(
            partition_pseudo_outcomes, school.parts, at=school.holders, by=models, whole=school.whole
        )
        return PseudoOutcomes(uplift_targets(school.sample, known, school.whole.logged), tuple(parts))

    def side_by_side(self, jobs: Sequence[Callable[[], T]]) -> Iterator[T]:
        """Run one job after the other: each has all workers."""
        yield from (job() for job in jobs)


def train_booster(
    cluster: Cluster, told: Sequence[Any], holders: Sequence[str], trees: TreeSettings, objective: Objective, seed: int
) -> lgb.Booster:
    """Learn one booster from the fodder of all parts.

    Parameters
    ----------
    told
        Futures of `Fodder`.
    holders
        Their workers; LightGBM needs all of them to the end.
    """
    shapes = cluster.gather(cluster.map(training_shape, told))
    some = [(one, shape) for one, shape in zip(told, shapes, strict=True) if shape[0]]
    rows = sum(shape[0] for _, shape in some)
    machines = len(set(holders))
    model = lgb.DaskLGBMRegressor(
        client=cluster.client, n_estimators=trees.rounds, **_named(parameters(trees, objective, seed, rows, machines))
    )
    x, y, weight = (
        da.concatenate(
            [
                da.from_delayed(dask.delayed(operator.attrgetter(name))(one), shape[:dims], dtype=kind)
                for one, shape in some
            ]
        )
        for name, dims, kind in (("x", 2, np.float32), ("y", 1, np.float64), ("weight", 1, np.float64))
    )
    cluster.watched(lambda: model.fit(x, y, sample_weight=weight), holders)
    return lgb.Booster(model_str=NETWORK.sub("", model.booster_.model_to_string()))


def _named(params: dict[str, Any]) -> dict[str, Any]:
    """Call parameters as scikit-learn's interface does; it has defaults of its own, which would stand beside ours."""
    names = {
        "bagging_fraction": "subsample",
        "bagging_freq": "subsample_freq",
        "feature_fraction": "colsample_bytree",
        "lambda_l2": "reg_lambda",
        "min_data_in_leaf": "min_child_samples",
        "seed": "random_state",
    }
    return {names.get(name, name): value for name, value in params.items()}
