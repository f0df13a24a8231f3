"""Dask backend: reads Parquet and builds partitions of prompts on workers; the driver holds a sample and counts.

1. File footers cut files into pieces; each piece is validated by the worker that reads it.
2. A shuffle sends every row to the partition that its prompt id hashes to, where it becomes part of one row per prompt.
3. A sample of the prompts comes to the driver with its texts: the encoder's lexical table is fitted on it, and later
   everything that is calibrated. A history that fits into the sample comes whole.
4. The encoder goes to the workers; design rows stay there, and texts are dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, Final

import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import wait

from serving.decision import Arm, FloatArray
from serving.decision.policy import load_arms
from training.backends.base import BackendSettings, RecordSource, explain_quarantined
from training.backends.dask.client import Cluster, connect
from training.backends.dask.partition_reader import PartitionFacts, RowTally, empty_frame, merge_calls, validate
from training.backends.dask.partitions import (
    assign_folds,
    encode_partition,
    folds_by_hash,
    global_counts,
    join_prompts,
    sample_prompts,
    sample_rows,
)
from training.backends.dask.row_accounting import account_rows, append_duplicates, require_all_arms, write_quarantine
from training.backends.dask.storage import find_parquet, row_group_pieces
from training.backends.dask.trainer import DaskTrainerFactory
from training.dataset import (
    MINIMUM_PROMPTS,
    Dataset,
    DrawnSample,
    name_arms,
    require_drawn,
    require_labels,
    require_overlap,
    require_prompts,
)
from training.encoders import Encoder
from training.errors import HistoryEmpty
from training.models import GlobalCounts, TrainerFactory
from training.progress import Progress
from training.records import History, require_rows

PARTITION_ROWS: Final = 50_000
"""Rows of a partition, about: 150 MB of design rows if every row is a prompt of its own."""
PARTITIONS_PER_WORKER: Final = 8
"""Limits the number of partitions: each is a few tasks for every booster, and the scheduler handles every task."""


class DaskBackend:
    """Holds every prompt on the workers of a cluster; see `training.backends.base.Backend`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._share = 1.0
        self._prompts: list[Any] = []
        self._partitions: list[Any] = []
        self._facts: tuple[PartitionFacts, ...] = ()
        self._sample: Dataset | None = None

    def read(self, source: RecordSource, progress: Progress) -> tuple[History, DrawnSample]:
        """Read, validate and shuffle; gives the history without its rows, and the local sample of prompts."""
        cluster = self._cluster
        arms = load_arms(source.arms) if source.arms else None
        files = find_parquet(source.data)
        progress("reading history", 0, 0)
        pieces = [
            piece
            for found in cluster.gather(cluster.map(row_group_pieces, range(len(files)), files))
            for piece in found
        ]
        rows = sum(piece.rows for piece in pieces)
        if not rows:
            raise HistoryEmpty(f"{', '.join(files[:5])}: no rows; write one row per call (see data/README.md)")
        names = None if arms is None else tuple(arm.name for arm in arms)
        validated = cluster.map(validate, pieces, arms=names)
        tallies: list[RowTally] = cluster.gather(cluster.map(attrgetter("tally"), validated))
        progress("reading history", rows, rows)
        write_quarantine(source.quarantine, tallies)
        validated_history = account_rows(files, tallies, (), source.quarantine)
        require_rows(validated_history)
        with explain_quarantined(validated_history):
            arms = arms or name_arms(pd.concat([tally.usage for tally in tallies]))
            self._shuffle(validated, rows, arms, progress)
            append_duplicates(source.quarantine, files, self._facts)
            prompts = sum(facts.labelled for facts in self._facts)
            self._share = min(1.0, source.at_most / max(prompts, 1))
            sample = join_prompts(cluster.gather(cluster.map(sample_prompts, self._prompts, share=self._share)))
            require_labels(sample.success[sample.observed])
            arm_names = [arm.name for arm in arms]
            if self._share < 1.0:
                require_drawn(sample.runs, arm_names, prompts)
            require_prompts(sample.runs, arm_names, MINIMUM_PROMPTS)
            require_all_arms(self._facts)
        require_overlap(sample)
        self._sample = sample
        return account_rows(files, tallies, self._facts, source.quarantine), DrawnSample(sample, prompts)

    def design(self, encoder: Encoder, dataset: Dataset, progress: Progress) -> FloatArray:
        """Encode all prompts by partition, drop their texts, and fetch the design rows of the sample."""
        assert dataset is self._sample, "another data set than was read"
        cluster = self._cluster
        progress("encode", 0, len(self._prompts))
        sent = cluster.client.scatter(encoder, broadcast=True, hash=False)
        self._partitions = cluster.map(encode_partition, self._prompts, encoder=sent)
        self._prompts = []
        found = cluster.gather(cluster.map(sample_rows, self._partitions, share=self._share))
        progress("encode", len(self._partitions), len(self._partitions))
        order = np.argsort(np.concatenate([one.prompt_ids for one in found]), kind="stable")
        return np.ascontiguousarray(np.concatenate([one.x for one in found])[order])

    def trainer_factory(self, folds: int) -> TrainerFactory | None:
        """Assign folds by hash, and make trainers that fit on every partition."""
        cluster, sample = self._cluster, self._sample
        assert sample is not None
        labelled = [partition for partition, facts in zip(self._partitions, self._facts, strict=True) if facts.labelled]
        partitions = cluster.map(assign_folds, labelled, folds=folds)
        self._partitions = []
        wait(partitions)
        cluster.client.rebalance(partitions)
        holders = cluster.client.who_has(partitions)
        logged = sum(facts.logged for facts in self._facts)
        counts: list[GlobalCounts] = cluster.gather(cluster.map(global_counts, partitions, logged=logged))
        calls, inverse = (np.sum([getattr(one, name) for one in counts], axis=0) for name in ("calls", "inverse"))
        return DaskTrainerFactory(
            cluster,
            tuple(partitions),
            tuple(holders[partition.key][0] for partition in partitions),
            sample,
            folds_by_hash(sample.prompt_ids, folds),
            GlobalCounts(logged, calls, inverse),
            sum(facts.labelled for facts in self._facts),
        )

    def _shuffle(self, validated: Sequence[Any], rows: int, arms: tuple[Arm, ...], progress: Progress) -> None:
        """Shuffle rows, so that all of a prompt lie in one partition, and merge them there."""
        cluster = self._cluster
        workers = len(cluster.workers)
        count = int(np.clip(math.ceil(rows / PARTITION_ROWS), workers, PARTITIONS_PER_WORKER * workers))
        progress("exchange rows", 0, count)
        frame = dd.from_delayed(cluster.map(attrgetter("frame"), validated), meta=empty_frame(), verify_meta=False)
        shuffled = frame.shuffle("prompt_id", npartitions=count, shuffle_method="p2p")
        self._prompts = cluster.map(merge_calls, cluster.client.compute(shuffled.to_delayed()), arms=arms)
        self._facts = tuple(cluster.gather(cluster.map(attrgetter("facts"), self._prompts)))
        progress("exchange rows", count, count)


@contextmanager
def open_cluster(settings: BackendSettings) -> Iterator[DaskBackend]:
    """Connect to the cluster, or start one here, and release it at the end."""
    with connect(settings) as cluster:
        yield DaskBackend(cluster)
