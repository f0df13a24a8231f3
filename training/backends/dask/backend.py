"""From Parquet to what is learnt from, part by part on the workers; the driver gets a sample of the prompts and counts.

1. Footers cut files into pieces; each piece is validated where it is read.
2. Rows travel once, to the part that their prompt id hashes to, and become one row per prompt there.
3. A sample of the prompts comes to the driver with its texts: the encoder's lexical table is learnt from it, and later
   all that is calibrated. A history of no more prompts than may be at hand comes whole.
4. The encoder goes to the workers; design rows stay there, and texts are let go.
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

from serving.decision.policy.arms import load_arms
from serving.decision.types import Arm, FloatArray
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
from training.backends.dask.row_accounting import account_rows, require_both, write_bad, write_repeats
from training.backends.dask.storage import find_parquet, row_group_pieces
from training.backends.dask.trainer import DaskTrainerFactory
from training.dataset.arm_inference import name_arms
from training.dataset.dataset import Dataset
from training.dataset.overlap import require_overlap
from training.dataset.requirements import MINIMUM_PROMPTS, require_drawn, require_labels, require_prompts
from training.dataset.sampling import DrawnSample
from training.encoders.design_matrix import Encoder
from training.errors import HistoryEmpty
from training.models.targets import GlobalCounts, TrainerFactory
from training.progress import Progress
from training.records.history import History, require_rows

PART_ROWS: Final = 50_000
"""Rows of a part, about: 150 MB of design rows if every row is a prompt of its own."""
PARTS_A_WORKER: Final = 8
"""Parts are no more than this: each is a few tasks for every booster, and a scheduler has to hand out each task."""


class DaskBackend:
    """The workers of a cluster; see `training.backends.base.Backend`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._share = 1.0
        self._asked: list[Any] = []
        self._parts: list[Any] = []
        self._facts: tuple[PartitionFacts, ...] = ()
        self._sample: Dataset | None = None

    def read(self, source: RecordSource, progress: Progress) -> tuple[History, DrawnSample]:
        """Read, validate, exchange; gives the history without its rows, and the prompts at hand."""
        cluster = self._cluster
        arms = load_arms(source.arms) if source.arms else None
        files = find_parquet(source.data)
        progress("reading history", 0, 0)
        cut = [
            piece
            for found in cluster.gather(cluster.map(row_group_pieces, range(len(files)), files))
            for piece in found
        ]
        rows = sum(piece.rows for piece in cut)
        if not rows:
            raise HistoryEmpty(f"{', '.join(files[:5])}: no rows; write one row per call (see data/README.md)")
        names = None if arms is None else tuple(arm.name for arm in arms)
        validated = cluster.map(validate, cut, arms=names)
        tallies: list[RowTally] = cluster.gather(cluster.map(attrgetter("tally"), validated))
        progress("reading history", rows, rows)
        write_bad(source.quarantine, tallies)
        so_far = account_rows(files, tallies, (), source.quarantine)
        require_rows(so_far)
        with explain_quarantined(so_far):
            arms = arms or name_arms(pd.concat([tally.usage for tally in tallies]))
            self._exchange(validated, rows, arms, progress)
            write_repeats(source.quarantine, files, self._facts)
            prompts = sum(facts.labelled for facts in self._facts)
            self._share = min(1.0, source.at_most / max(prompts, 1))
            sample = join_prompts(cluster.gather(cluster.map(sample_prompts, self._asked, share=self._share)))
            require_labels(sample.success[sample.observed])
            known = [arm.name for arm in arms]
            if self._share < 1.0:
                require_drawn(sample.runs, known, prompts)
            require_prompts(sample.runs, known, MINIMUM_PROMPTS)
            require_both(self._facts)
        require_overlap(sample)
        self._sample = sample
        return account_rows(files, tallies, self._facts, source.quarantine), DrawnSample(sample, prompts)

    def design(self, encoder: Encoder, dataset: Dataset, progress: Progress) -> FloatArray:
        """Encode all prompts by part, let go of their texts, and fetch the design rows of those at hand."""
        assert dataset is self._sample, "another data set than was read"
        cluster = self._cluster
        progress("encode", 0, len(self._asked))
        sent = cluster.client.scatter(encoder, broadcast=True, hash=False)
        self._parts = cluster.map(encode_partition, self._asked, encoder=sent)
        self._asked = []
        found = cluster.gather(cluster.map(sample_rows, self._parts, share=self._share))
        progress("encode", len(self._parts), len(self._parts))
        order = np.argsort(np.concatenate([one.prompt_ids for one in found]), kind="stable")
        return np.ascontiguousarray(np.concatenate([one.x for one in found])[order])

    def trainer_factory(self, folds: int) -> TrainerFactory | None:
        """Deal the folds by hash, and make ready to learn from every part."""
        cluster, sample = self._cluster, self._sample
        assert sample is not None
        full = [part for part, facts in zip(self._parts, self._facts, strict=True) if facts.labelled]
        parts = cluster.map(assign_folds, full, folds=folds)
        self._parts = []
        wait(parts)
        cluster.client.rebalance(parts)
        where = cluster.client.who_has(parts)
        logged = sum(facts.logged for facts in self._facts)
        wholes: list[GlobalCounts] = cluster.gather(cluster.map(global_counts, parts, logged=logged))
        calls, inverse = (np.sum([getattr(one, name) for one in wholes], axis=0) for name in ("calls", "inverse"))
        return DaskTrainerFactory(
            cluster,
            tuple(parts),
            tuple(where[part.key][0] for part in parts),
            sample,
            folds_by_hash(sample.prompt_ids, folds),
            GlobalCounts(logged, calls, inverse),
            sum(facts.labelled for facts in self._facts),
        )

    def _exchange(self, validated: Sequence[Any], rows: int, arms: tuple[Arm, ...], progress: Progress) -> None:
        """Send every row to the part that its prompt id hashes to."""
        cluster = self._cluster
        workers = len(cluster.workers)
        count = int(np.clip(math.ceil(rows / PART_ROWS), workers, PARTS_A_WORKER * workers))
        progress("exchange rows", 0, count)
        frame = dd.from_delayed(cluster.map(attrgetter("frame"), validated), meta=empty_frame(), verify_meta=False)
        mixed = frame.shuffle("prompt_id", npartitions=count, shuffle_method="p2p")
        self._asked = cluster.map(merge_calls, cluster.client.compute(mixed.to_delayed()), arms=arms)
        self._facts = tuple(cluster.gather(cluster.map(attrgetter("facts"), self._asked)))
        progress("exchange rows", count, count)


@contextmanager
def open_cluster(engine: BackendSettings) -> Iterator[DaskBackend]:
    """Connect to the cluster, or start one here, and let go of it."""
    with connect(engine) as cluster:
        yield DaskBackend(cluster)
