"""Partition tasks: workers encode prompts, assign folds and compute training rows; the driver gets a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.decision import FloatArray, Request
from training.backends.dask.partition_reader import PromptRows
from training.dataset import Dataset
from training.encoders import Encoder, design_rows
from training.models import (
    GlobalCounts,
    HeadSpec,
    OutOfFold,
    Scores,
    TreeHead,
    head_target,
    raw_scores,
    sigmoid,
    stacked_rows,
    uplift_targets,
)
from training.types import Array, BoolArray, IntArray

_NO_TEXT: Final = Request(())


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """The encoded prompts of one partition.

    Parameters
    ----------
    dataset
        Without texts.
    x
        float32 (n, P), design rows.
    fold
        int64 (n,).
    """

    dataset: Dataset
    x: FloatArray
    fold: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRows:
    """Training rows of one head from one partition: float32 (m, P), float64 (m,) and (m,)."""

    x: FloatArray
    y: Array
    weight: Array


def global_counts(partition: Partition, logged: int) -> GlobalCounts:
    """Count one partition; the counts of all partitions add up."""
    return GlobalCounts.of(partition.dataset, logged)


def training_rows(
    partition: Partition, pseudo_outcomes: Array | None, spec: HeadSpec, counts: GlobalCounts
) -> TrainingRows:
    """Compute the training rows of a head, as a local trainer does for all prompts."""
    target = head_target(spec, partition.dataset, partition.fold, counts, pseudo_outcomes)
    x = stacked_rows(partition.x, partition.dataset) if spec.kind == "all arms" else partition.x
    return TrainingRows(x[target.rows], target.y[target.rows], target.weight[target.rows])


def partition_pseudo_outcomes(partition: Partition, models: OutOfFold, counts: GlobalCounts) -> Array:
    """Compute the pseudo-outcomes of a partition from out-of-fold models: float64 (n, K)."""
    arms = len(partition.dataset.arms)

    def out_of_fold(heads: Sequence[Sequence[TreeHead]]) -> Array:
        table = np.empty((len(partition.x), arms))
        for f, own in enumerate(heads):
            rows = partition.fold == f
            table[rows] = sigmoid(np.column_stack([raw_scores(head, partition.x[rows]) for head in own]))
        return table

    success = out_of_fold(models.success)
    shared = None if models.shared is None else out_of_fold(models.shared)
    scores = Scores(success, success[:, 1:] - success[:, :1], shared)
    return uplift_targets(partition.dataset, scores, counts.logged)


@dataclass(frozen=True, slots=True, eq=False)
class SampledRows:
    """Prompt ids and design rows of the local sample: object (m,) and float32 (m, P)."""

    prompt_ids: NDArray[np.object_]
    x: FloatArray


def hash_ids(prompt_ids: NDArray[np.object_]) -> NDArray[np.uint64]:
    """Hash prompt ids, uint64 (n,); folds and the sample derive from it, so they do not depend on the partitioning."""
    if not len(prompt_ids):
        return np.empty(0, np.uint64)
    return np.asarray(pd.util.hash_array(prompt_ids, categorize=False), np.uint64)


def folds_by_hash(prompt_ids: NDArray[np.object_], folds: int) -> IntArray:
    """Assign prompts to folds by hash: int64 (n,)."""
    return np.asarray(hash_ids(prompt_ids) % np.uint64(folds), np.int64)


def sample_mask(prompt_ids: NDArray[np.object_], share: float) -> BoolArray:
    """Select about this share of the prompts for the local sample: bool (n,)."""
    return np.asarray((hash_ids(prompt_ids) >> np.uint64(11)) < np.uint64(round(share * 2**53)), np.bool_)


def sample_prompts(prompts: PromptRows, share: float) -> Dataset:
    """Give the sampled prompts of a partition, with their texts."""
    return prompts.dataset.subset(sample_mask(prompts.dataset.prompt_ids, share))


def join_prompts(partitions: Sequence[Dataset]) -> Dataset:
    """Concatenate the prompts of partitions, sorted by prompt id as `training.dataset.dataset.build_dataset` does."""
    order = np.argsort(np.concatenate([partition.prompt_ids for partition in partitions]), kind="stable")
    requests = [request for partition in partitions for request in partition.requests]
    tables = {
        field.name: np.concatenate([getattr(partition, field.name) for partition in partitions])[order]
        for field in fields(Dataset)
        if field.name not in ("requests", "arms")
    }
    return Dataset(requests=tuple(requests[place] for place in order), arms=partitions[0].arms, **tables)


def encode_partition(prompts: PromptRows, encoder: Encoder) -> Partition:
    """Encode the prompts of a partition and drop their texts, which are most of the bytes."""
    dataset = prompts.dataset
    x = design_rows(encoder, dataset.requests)
    return Partition(replace(dataset, requests=(_NO_TEXT,) * len(dataset)), x, np.zeros(len(dataset), np.int64))


def sample_rows(partition: Partition, share: float) -> SampledRows:
    """Give the sampled design rows of a partition."""
    kept = sample_mask(partition.dataset.prompt_ids, share)
    return SampledRows(partition.dataset.prompt_ids[kept], partition.x[kept])


def assign_folds(partition: Partition, folds: int) -> Partition:
    """Assign the prompts of a partition to folds."""
    return replace(partition, fold=folds_by_hash(partition.dataset.prompt_ids, folds))


def training_shape(rows: TrainingRows) -> tuple[int, int]:
    """Number of rows and columns."""
    return rows.x.shape[0], rows.x.shape[1]
