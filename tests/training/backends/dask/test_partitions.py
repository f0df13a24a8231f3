"""Targets, weights and pseudo-outcomes of parts, put together, are those of one machine."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.toy_datasets import chances, dataset, toy_rows
from training.backends.dask.partitions import (
    Partition,
    folds_by_hash,
    global_counts,
    join_prompts,
    partition_pseudo_outcomes,
    sample_mask,
    training_rows,
)
from training.dataset.dataset import Dataset
from training.models.boosting import TreeSettings, raw_scores, sigmoid
from training.models.local_trainer import LocalHeadTrainer
from training.models.meta_learners import Scores
from training.models.targets import EVERY, GlobalCounts, HeadSpec, OutOfFold, head_target, split_by_arm, stacked_rows

TREES = TreeSettings(rounds=5, leaves=5, min_rows=5)
FOLDS = 3


def parted(data: Dataset, x: np.ndarray, fold: np.ndarray) -> list[Partition]:
    return [Partition(data.subset(rows), x[rows], fold[rows]) for rows in np.array_split(np.arange(len(data)), 4)]


def whole(parts: list[Partition]) -> GlobalCounts:
    logged = sum(int((~part.dataset.paired).sum()) for part in parts)
    sums = [global_counts(part, logged) for part in parts]
    return GlobalCounts(logged, sum(one.calls for one in sums), sum(one.inverse for one in sums))


@pytest.mark.parametrize("logged", [False, True])
def test_parts_put_together_are_the_whole(logged: bool) -> None:
    rng = np.random.default_rng(4)
    x = toy_rows(400, rng)
    reason = np.clip(0.5 - 0.45 * np.tanh(2 * x[:, 1].astype(np.float64)), 0.02, 0.98)
    data = dataset(chances(x), rng, np.column_stack([1 - reason, reason]) if logged else None)
    fold = folds_by_hash(data.prompt_ids, FOLDS)
    parts = parted(data, x, fold)
    all_of_them = whole(parts)
    trainer = LocalHeadTrainer(x, data, fold, TREES, 1)
    own = tuple(tuple(trainer.head(HeadSpec("success", k, f, f)) for k in range(2)) for f in range(FOLDS))
    shared = tuple(split_by_arm(trainer.head(HeadSpec("all arms", 0, f, f)), 2) for f in range(FOLDS))
    by = OutOfFold(own, shared)
    success, joint = np.empty((400, 2)), np.empty((400, 2))
    for f in range(FOLDS):
        for table, heads in ((success, own), (joint, shared)):
            table[fold == f] = sigmoid(np.column_stack([raw_scores(head, x[fold == f]) for head in heads[f]]))
    truth = trainer.pseudo_outcomes(Scores(success, success[:, 1:] - success[:, :1], joint), by).local
    truths = [partition_pseudo_outcomes(part, by, all_of_them) for part in parts]
    assert np.allclose(np.concatenate(truths), truth, atol=1e-12)
    for spec in (HeadSpec("success", 1, 0, 7), HeadSpec("all arms", 0, 2, 7), HeadSpec("uplift", 1, EVERY, 7)):
        wanted = head_target(spec, data, fold, None, truth)
        rows = stacked_rows(x, data) if spec.kind == "all arms" else x
        given = [training_rows(part, mine, spec, all_of_them) for part, mine in zip(parts, truths, strict=True)]
        assert np.array_equal(np.concatenate([one.x for one in given]), rows[wanted.rows])
        assert np.allclose(np.concatenate([one.y for one in given]), wanted.y[wanted.rows], atol=1e-12)
        assert np.allclose(np.concatenate([one.weight for one in given]), wanted.weight[wanted.rows], atol=1e-12)


def test_prompts_of_parts_are_joined_in_the_order_of_their_ids() -> None:
    rng = np.random.default_rng(5)
    x = toy_rows(60, rng)
    data = dataset(chances(x), rng)
    order = np.argsort(data.prompt_ids, kind="stable")
    wanted = data.subset(order)
    found = join_prompts([data.subset(np.arange(40, 60)), data.subset(np.arange(0, 40)), data.subset(np.arange(0))])
    assert found.requests == wanted.requests
    assert np.array_equal(found.success, wanted.success)


def test_the_sample_and_the_folds_do_not_depend_on_how_rows_are_parted() -> None:
    ids = np.array([f"prompt-{k}" for k in range(4000)], object)
    assert sample_mask(ids, 1.0).all()
    assert not sample_mask(ids, 0.0).any()
    assert sample_mask(ids, 0.25).mean() == pytest.approx(0.25, abs=0.03)
    assert np.array_equal(sample_mask(ids, 0.25)[100:200], sample_mask(ids[100:200], 0.25))
    assert set(sample_mask(ids, 0.1).nonzero()[0]) <= set(sample_mask(ids, 0.3).nonzero()[0])
    sizes = np.bincount(folds_by_hash(ids, 5))
    assert sizes.min() > 700
