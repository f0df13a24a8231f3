"""Reader tasks: workers validate pieces of files, and merge the rows of each prompt after the shuffle.

Rows of one prompt may lie in different files; after validation every row goes to the partition that its prompt id
hashes to.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from serving.decision import Arm
from training.backends.dask.storage import Piece, open_file
from training.dataset import Dataset, arm_usage, group_dataset
from training.records import (
    KNOWN,
    Fingerprint,
    Quarantine,
    QuarantinedExample,
    RowValidator,
    count_shared_ids,
    has_synthetic,
)
from training.records.readers import ReadLimits, parquet_rows

NUMBER_COLUMNS: Final = (
    "success",
    "propensity",
    "input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "latency_ms",
    "timestamp",
)
TEXT_COLUMNS: Final = ("request_id", "prompt_id", "prompt", "messages", "arm", "task", "tenant")
ROWS_PER_FILE: Final = 1 << 40
"""Upper bound of rows in a file: a row's place is its file's number times this, plus its number in the file."""
MAX_BAD_LINES: Final = 10_000
"""Rejected rows of one piece whose contents are returned; more are only counted."""


@dataclass(frozen=True, slots=True)
class RowTally:
    """Counts of the rows of a piece; the driver adds tallies up.

    Parameters
    ----------
    bad
        Lines for the quarantine file, at most `MAX_BAD_LINES`.
    usage
        See `training.dataset.arm_inference.arm_usage`.
    """

    read: int
    without_request_id: int
    quarantined: Counter[str]
    warnings: Counter[str]
    examples: tuple[QuarantinedExample, ...]
    bad: tuple[str, ...]
    usage: pd.DataFrame
    synthetic: bool


@dataclass(frozen=True, slots=True, eq=False)
class ValidatedRows:
    """The valid rows of a piece, in the columns of `empty_frame`, and the tally of all."""

    frame: pd.DataFrame
    tally: RowTally


@dataclass(frozen=True, slots=True)
class RepeatedRow:
    """A row whose request id occurred before, in another piece."""

    place: int
    request_id: str


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """Counts of one partition; all add up but `start`, `end` and `has_all_arms`.

    Parameters
    ----------
    rows, duplicates
        Kept rows, and rows whose request id occurred before, in another piece; `repeats` are the first of these.
    prompts, labelled, logged
        All prompts, those with a known success, and those of them that not every arm served.
    has_all_arms
        Whether the success of every arm is known at least once.
    """

    rows: int
    duplicates: int
    prompts: int
    labelled: int
    logged: int
    success_unknown: int
    shared: int
    per_arm: Counter[str]
    fingerprint: Fingerprint
    start: float
    end: float
    has_all_arms: bool
    repeats: tuple[RepeatedRow, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PromptRows:
    """The prompts of one partition with their texts, before they are encoded."""

    dataset: Dataset
    facts: PartitionFacts


def empty_frame() -> pd.DataFrame:
    """Give an empty frame with the columns that the shuffle exchanges: those that the data set needs."""
    return pd.DataFrame(
        {
            **{name: pd.Series(dtype="string[pyarrow]") for name in TEXT_COLUMNS},
            **{name: pd.Series(dtype=np.float64) for name in NUMBER_COLUMNS},
            "place": pd.Series(dtype=np.int64),
            "hash": pd.Series(dtype=np.uint64),
            "text": pd.Series(dtype=np.uint64),
        }
    )


def validate(piece: Piece, arms: tuple[str, ...] | None) -> ValidatedRows:
    """Read and validate the rows of a piece, with the validator of the local backend."""
    with tempfile.TemporaryDirectory() as folder:
        path, shown = Path(folder) / "bad.jsonl", piece.name
        with _LineRecorder(path) as bad:
            validator = RowValidator(arms, bad, ReadLimits(), carry=True, outcomes=True)
            with open_file(piece.url) as stream:
                only = (*KNOWN, "source")
                for rows in parquet_rows(stream, shown, validator.limits, only, piece.groups):
                    validator.add_batch(shown, rows)
        with path.open(encoding="utf-8") as lines:
            kept = tuple(line for _, line in zip(range(MAX_BAD_LINES), lines, strict=False))
    builder = validator.builder
    frame = builder.frame()
    has_request_id = builder.has_request_id()
    out = {name: _text_column(frame[name]) for name in TEXT_COLUMNS} | {name: frame[name] for name in NUMBER_COLUMNS}
    out["request_id"] = out["request_id"].where(has_request_id)
    places = np.setdiff1d(np.arange(1, piece.rows + 1, dtype=np.int64) + piece.first, np.array(bad.lines, np.int64))
    out["place"] = pd.Series(piece.file * ROWS_PER_FILE + places)
    out["hash"] = pd.Series(builder.row_hashes(frame), dtype=np.uint64)
    out["text"] = pd.Series(builder.prompt_hashes(frame), dtype=np.uint64)
    tally = RowTally(
        validator.rows_read,
        validator.without_request_id,
        bad.counts,
        validator.warnings,
        tuple(bad.examples),
        kept,
        arm_usage(frame),
        has_synthetic(frame),
    )
    return ValidatedRows(pd.DataFrame(out)[list(empty_frame().columns)], tally)


def merge_calls(frame: pd.DataFrame, arms: tuple[Arm, ...]) -> PromptRows:
    """Merge the rows of a partition into one row per prompt, in the order of the files whatever order they come in."""
    frame = frame.sort_values("place", ignore_index=True)
    duplicate = (frame["request_id"].notna() & frame["request_id"].duplicated()).to_numpy()
    repeated = frame.loc[duplicate, ["place", "request_id"]].head(MAX_BAD_LINES)
    frame = frame[~duplicate].reset_index(drop=True)
    dataset = group_dataset(frame, arms)
    times = frame["timestamp"].dropna().to_numpy()
    facts = PartitionFacts(
        rows=len(frame),
        duplicates=int(duplicate.sum()),
        prompts=int(frame["prompt_id"].nunique()),
        labelled=len(dataset),
        logged=int((~dataset.paired).sum()),
        success_unknown=int(frame["success"].isna().sum()),
        shared=count_shared_ids(frame["prompt_id"], frame["text"].to_numpy(np.uint64)),
        per_arm=Counter(frame["arm"].astype(str).tolist()),
        fingerprint=Fingerprint.of(frame["hash"].to_numpy(np.uint64)),
        start=float(times.min()) if len(times) else np.inf,
        end=float(times.max()) if len(times) else -np.inf,
        has_all_arms=bool(dataset.observed.any(axis=0).all()),
        repeats=tuple(RepeatedRow(int(place), str(name)) for place, name in repeated.itertuples(index=False)),
    )
    return PromptRows(dataset, facts)


def _text_column(column: pd.Series) -> pd.Series:
    return pd.Series(column.astype(object), dtype="string[pyarrow]")


class _LineRecorder(Quarantine):
    """Also records the line numbers of rejected rows."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lines: list[int] = []

    def __enter__(self) -> _LineRecorder:
        super().__enter__()
        return self

    def add(self, example: QuarantinedExample, row: Mapping[str, object] | str) -> None:
        self.lines.append(example.line)
        super().add(example, row)
