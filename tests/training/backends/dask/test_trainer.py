"""Training on partitions: the boosters of LightGBM's workers, without a trace of the workers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.toy_datasets import chances, dataset, toy_rows
from training.backends.base import BackendSettings
from training.backends.dask.client import Cluster, connect
from training.backends.dask.partitions import Partition, folds_by_hash
from training.backends.dask.trainer import DaskTrainerFactory
from training.models.boosting import TreeSettings, raw_scores, sigmoid
from training.models.meta_learners import Scores
from training.models.targets import EVERY, GlobalCounts, HeadSpec, OutOfFold, PseudoOutcomes, split_by_arm

TREES = TreeSettings(rounds=10, leaves=5, bags=2, feature_fraction=1.0, bagging_fraction=1.0, min_rows=10)
RNG = np.random.default_rng(2)
X = toy_rows(1200, RNG)
DATA = dataset(chances(X), RNG)
FOLD = folds_by_hash(DATA.prompt_ids, 2)
COUNTS = GlobalCounts.of(DATA, 0)


@pytest.fixture
def cluster(scheduler: str) -> Iterator[Cluster]:
    with connect(BackendSettings("dask", scheduler)) as connected:
        connected.client.wait_for_workers(2, timeout=60)  # another test may have killed one
        yield connected


@pytest.fixture
def factory(cluster: Cluster) -> DaskTrainerFactory:
    halves = [np.arange(600), np.arange(600, 1200)]
    parts = [Partition(DATA.subset(rows), X[rows], FOLD[rows]) for rows in halves]
    holders = cluster.workers
    futures = [
        cluster.client.scatter(part, workers=[worker], hash=False) for part, worker in zip(parts, holders, strict=True)
    ]
    return DaskTrainerFactory(cluster, tuple(futures), holders, DATA, FOLD, COUNTS, len(DATA))


def test_heads_are_fitted_on_all_partitions_and_bagged(factory: DaskTrainerFactory) -> None:
    head = factory.trainer(TREES).head(HeadSpec("success", 0, EVERY, 1))
    assert len(head.boosters) == TREES.bags
    assert head.weights == (0.5, 0.5)
    root = head.boosters[0].dump_model()["tree_info"][0]["tree_structure"]
    assert root["internal_count"] == len(DATA)
    assert np.corrcoef(raw_scores(head, X), X[:, 1])[0, 1] > 0.8
    for name in ("machines", "local_listen_port", "num_machines"):
        assert f"[{name}:" not in head.boosters[0].model_to_string()


def test_held_out_folds_and_uplift_leave_rows_out(factory: DaskTrainerFactory) -> None:
    trainer = factory.trainer(TREES)
    assert trainer.has_shared_model
    own = tuple(tuple(trainer.head(HeadSpec("success", k, f, f)) for k in range(2)) for f in range(2))
    shared = tuple(split_by_arm(trainer.head(HeadSpec("all arms", 0, f, f)), 2) for f in range(2))
    success, joint = np.empty((len(X), 2)), np.empty((len(X), 2))
    for f in range(2):
        for table, heads in ((success, own), (joint, shared)):
            table[f == FOLD] = sigmoid(np.column_stack([raw_scores(head, X[f == FOLD]) for head in heads[f]]))
    scores = Scores(success, success[:, 1:] - success[:, :1], joint)
    outcomes = trainer.pseudo_outcomes(scores, OutOfFold(own, shared))
    assert np.array_equal(outcomes.local, DATA.success)  # paired prompts
    there = factory.cluster.gather(outcomes.partitions)
    np.testing.assert_allclose(np.concatenate(there), outcomes.local, atol=1e-12)
    uplift = trainer.head(HeadSpec("uplift", 1, 0, 7), PseudoOutcomes(outcomes.local, outcomes.partitions))
    assert uplift.boosters[0].dump_model()["tree_info"][0]["tree_structure"]["internal_count"] == (FOLD == 1).sum()
    assert np.corrcoef(raw_scores(uplift, X), X[:, 0])[0, 1] > 0.6


def test_jobs_run_one_after_the_other(factory: DaskTrainerFactory) -> None:
    seen: list[int] = []
    results = factory.trainer(TREES).run_jobs([lambda k=k: seen.append(k) or k for k in range(3)])  # type: ignore[misc]
    assert next(results) == 0
    assert seen == [0]
    assert list(results) == [1, 2]
