"""What workers do with prompts: encode them, deal them into folds, work out what they teach; what the driver gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.decision.types import FloatArray, Request
from training.backends.dask.partition_reader import PromptRows
from training.dataset.dataset import Dataset
from training.encoders.design_matrix import Encoder, design_rows
from training.models.boosting import raw_scores, sigmoid
from training.models.fitted_model import TreeHead
from training.models.meta_learners import Scores
from training.models.targets import GlobalCounts, HeadSpec, OutOfFold, stacked, target, uplift_targets
from training.types import Array, BoolArray, IntArray

_NO_TEXT: Final = Request(())


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """The prompts of one part, ready to be learnt from.

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
    """What a part gives to one head: float32 (m, P), float64 (m,) and (m,)."""

    x: FloatArray
    y: Array
    weight: Array


def global_counts(part: Partition, logged: int) -> GlobalCounts:
    """Add up what parts have to know of each other."""
    return GlobalCounts.of(part.dataset, logged)


def training_rows(part: Partition, truth: Array | None, subject: HeadSpec, whole: GlobalCounts) -> TrainingRows:
    """Work out what a part teaches a head, as one machine does for all prompts."""
    told = target(subject, part.dataset, part.fold, whole, truth)
    x = stacked(part.x, part.dataset) if subject.kind == "all arms" else part.x
    return TrainingRows(x[told.rows], told.y[told.rows], told.weight[told.rows])


def partition_pseudo_outcomes(part: Partition, by: OutOfFold, whole: GlobalCounts) -> Array:
    """Work out the pseudo-outcomes of a part by models that have not seen the prompt: float64 (n, K)."""
    arms = len(part.dataset.arms)

    def chance(heads: Sequence[Sequence[TreeHead]]) -> Array:
        table = np.empty((len(part.x), arms))
        for f, own in enumerate(heads):
            rows = part.fold == f
            table[rows] = sigmoid(np.column_stack([raw_scores(head, part.x[rows]) for head in own]))
        return table

    success = chance(by.success)
    known = Scores(success, success[:, 1:] - success[:, :1], None if by.shared is None else chance(by.shared))
    return uplift_targets(part.dataset, known, whole.logged)


@dataclass(frozen=True, slots=True, eq=False)
class SampledRows:
    """Design rows of the prompts at hand: object (m,) and float32 (m, P)."""

    prompt_ids: NDArray[np.object_]
    x: FloatArray


def hash_ids(prompt_ids: NDArray[np.object_]) -> NDArray[np.uint64]:
    """Hash prompt ids, uint64 (n,): folds and the sample at hand come of it, however the rows are parted."""
    if not len(prompt_ids):
        return np.empty(0, np.uint64)
    return np.asarray(pd.util.hash_array(prompt_ids, categorize=False), np.uint64)


def folds_by_hash(prompt_ids: NDArray[np.object_], folds: int) -> IntArray:
    """Deal prompts into folds: int64 (n,)."""
    return np.asarray(hash_ids(prompt_ids) % np.uint64(folds), np.int64)


def sample_mask(prompt_ids: NDArray[np.object_], share: float) -> BoolArray:
    """Pick the prompts that the driver gets, bool (n,): about this share of them."""
    return np.asarray((hash_ids(prompt_ids) >> np.uint64(11)) < np.uint64(round(share * 2**53)), np.bool_)


def sample_prompts(asked: PromptRows, share: float) -> Dataset:
    """Give the prompts of a part that the driver gets, with their texts."""
    return asked.dataset.subset(sample_mask(asked.dataset.prompt_ids, share))


def join_prompts(parts: Sequence[Dataset]) -> Dataset:
    """Put the prompts of parts together, sorted by prompt id as `training.dataset.dataset.build_dataset` does."""
    order = np.argsort(np.concatenate([part.prompt_ids for part in parts]), kind="stable")
    requests = [request for part in parts for request in part.requests]
    tables = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])[order]
        for field in fields(Dataset)
        if field.name not in ("requests", "arms")
    }
    return Dataset(requests=tuple(requests[place] for place in order), arms=parts[0].arms, **tables)


def encode_partition(asked: PromptRows, encoder: Encoder) -> Partition:
    """Encode the prompts of a part and let go of their texts, which are most of the bytes."""
    dataset = asked.dataset
    x = design_rows(encoder, dataset.requests)
    return Partition(replace(dataset, requests=(_NO_TEXT,) * len(dataset)), x, np.zeros(len(dataset), np.int64))


def sample_rows(part: Partition, share: float) -> SampledRows:
    """Give the design rows that the driver gets."""
    mine = sample_mask(part.dataset.prompt_ids, share)
    return SampledRows(part.dataset.prompt_ids[mine], part.x[mine])


def assign_folds(part: Partition, folds: int) -> Partition:
    """Deal the prompts of a part into folds."""
    return replace(part, fold=folds_by_hash(part.dataset.prompt_ids, folds))


def training_shape(told: TrainingRows) -> tuple[int, int]:
    """Rows and columns of what a part gives to a head."""
    return told.x.shape[0], told.x.shape[1]
