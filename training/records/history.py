"""Reads a history of outcome records (Parquet, JSONL, CSV); every row is kept or quarantined with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.decision import Arm
from training.errors import BadHistory, HistoryEmpty
from training.progress import Progress, silent
from training.records.frame_builder import Fingerprint
from training.records.quarantine import Quarantine, QuarantinedExample
from training.records.readers import QUARANTINE_SUFFIX, ReadLimits, find_files, read_rows
from training.records.validation import RowValidator


@dataclass(frozen=True, slots=True)
class Counts:
    """Row counts of a history; `read` is `kept` plus all of `quarantined`.

    Parameters
    ----------
    files
        Files read, empty ones included.
    read, kept
        Rows.
    quarantined
        Rejected rows by their first reason.
    duplicates
        Rejected rows whose request id came before.
    per_arm
        Kept rows by arm.
    success_unknown
        Kept rows whose success is not known yet.
    prompts
        Distinct prompts among the kept rows.
    without_request_id
        Kept rows without a request id, whose duplicates can't be detected.
    warnings
        Suspicious data that was kept, by kind; in rows, unless the kind says otherwise.
    """

    files: int
    read: int
    kept: int
    quarantined: Mapping[str, int]
    duplicates: int
    per_arm: Mapping[str, int]
    success_unknown: int
    prompts: int
    without_request_id: int
    warnings: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The valid outcome records of a history.

    Parameters
    ----------
    frame
        One row per call, numbered from 0. `request_id`, `prompt_id`, `session_id`, `group`: Arrow strings. `prompt`,
        `messages` (JSON text), `arm`, `model`, `task`, `tenant`, `failure_mode`: categories, each text held once.
        `success`, `propensity` (1.0 where not given), tokens, `cost_usd`, `gpu_seconds`, `latency_ms`, `retries` and
        `timestamp` (epoch seconds): float64, NaN where unknown. Then the columns outside the schema. Empty where the
        workers of a cluster hold the rows.
    counts
        Row counts.
    digest
        sha256 of the known columns, whatever the order of the rows and their split into files.
    start, end
        First and last timestamp; None where no row has one.
    examples
        The first rejected rows, without their contents.
    quarantine
        The file of all rejected rows.
    synthetic
        Whether any row has `source` synthetic.
    """

    frame: pd.DataFrame
    counts: Counts
    digest: str
    start: datetime | None
    end: datetime | None
    examples: tuple[QuarantinedExample, ...]
    quarantine: Path | None
    synthetic: bool = False


def read(
    paths: str | Path | Iterable[str | Path],
    *,
    arms: Sequence[Arm | str] | None = None,
    quarantine: Path | None = None,
    limits: ReadLimits | None = None,
    carry: bool = True,
    outcomes: bool = True,
    progress: Progress = silent,
) -> History:
    """Read and validate a history, batch by batch.

    Parameters
    ----------
    paths
        Files, folders or globs: .parquet, .pq, .csv and .jsonl, .ndjson, .json with one object a line; text also .gz.
    arms
        The arms that may occur; None to take those that do.
    quarantine
        JSONL file for rejected rows (`source`, `line`, `kind`, `reason`, `row`), overwritten. Without it they are
        counted and the first are kept in `examples`. Name it `*.quarantine.jsonl`, so that folders are read without it.
    carry
        Keep columns outside the schema; without them a wide history needs less memory.
    outcomes
        False for prompts to score: `arm` and `success` may be absent.
    progress
        Called after each batch.

    Returns
    -------
    History
        Possibly without a row, if all were bad_rows.

    Raises
    ------
    HistoryMissing, HistoryUnreadable, MissingColumns
        If a file is not there, can't be read as a whole, or has none of a core column.
    HistoryEmpty
        If no file has a row.
    """
    files = find_files(paths)
    _require_apart(quarantine, files)
    names = None if arms is None else [arm if isinstance(arm, str) else arm.name for arm in arms]
    with Quarantine(quarantine) as bad_rows:
        validator = RowValidator(names, bad_rows, limits or ReadLimits(), carry=carry, outcomes=outcomes)
        for file in files:
            for rows in read_rows(file, validator.limits, validator.columns):
                validator.add_batch(str(file), rows)
                progress("reading history", validator.rows_read, 0)
    if not validator.rows_read:
        raise HistoryEmpty(f"{', '.join(map(str, files[:5]))}: no rows; write one row per call (see data/README.md)")
    return _history(validator, bad_rows, files, quarantine)


def require_rows(history: History) -> None:
    """Reject a history without a valid row.

    Raises
    ------
    HistoryEmpty
        No row is valid; names the most frequent reason and the first rejected row.
    """
    counts = history.counts
    if counts.kept or not counts.quarantined:
        return
    reason = max(counts.quarantined, key=lambda name: counts.quarantined[name])
    first = history.examples[0]
    raise HistoryEmpty(
        f"none of {counts.read} rows can be used, most often because of {reason}: {first.source}, line {first.line}: "
        f"{first.reason}; fix the rows" + (f", they are in {history.quarantine}" if history.quarantine else "")
    )


def _require_apart(quarantine: Path | None, files: Sequence[Path]) -> None:
    if quarantine is not None and quarantine.resolve() in {file.resolve() for file in files}:
        raise BadHistory(
            f"{quarantine}: the quarantine would overwrite a file of the history; name it *{QUARANTINE_SUFFIX}, or put "
            "it elsewhere"
        )


def _history(validator: RowValidator, bad_rows: Quarantine, files: Sequence[Path], quarantine: Path | None) -> History:
    frame = validator.builder.frame()
    digest = Fingerprint.of(validator.builder.row_hashes(frame)).digest
    if shared := count_shared_ids(frame["prompt_id"], validator.builder.prompt_hashes(frame)):
        validator.warnings["prompt_ids that stand for several texts"] = shared
    times = frame["timestamp"].dropna().to_numpy()
    per_arm = {str(arm): int(rows) for arm, rows in frame["arm"].value_counts().items()}
    counts = Counts(
        files=len(files),
        read=validator.rows_read,
        kept=len(frame),
        quarantined=dict(bad_rows.counts.most_common()),
        duplicates=bad_rows.counts["duplicate request_id"],
        per_arm=dict(sorted(per_arm.items())),
        success_unknown=int(frame["success"].isna().sum()),
        prompts=int(frame["prompt_id"].nunique()),
        without_request_id=validator.without_request_id,
        warnings={kind: count for kind, count in validator.warnings.items() if count},
    )
    start, end = (
        (datetime.fromtimestamp(float(edge), UTC) for edge in (times.min(), times.max()))
        if len(times)
        else (None, None)
    )
    examples = tuple(bad_rows.examples)
    return History(frame, counts, digest, start, end, examples, quarantine, has_synthetic(frame))


def has_synthetic(frame: pd.DataFrame) -> bool:
    """Return whether any row has `source` synthetic."""
    return "source" in frame and bool((frame["source"].astype(str) == "synthetic").any())


def count_shared_ids(prompt_ids: pd.Series, texts: NDArray[np.uint64]) -> int:
    """Count prompt ids of more than one text; several files that number their prompts from 1 cause this."""
    pairs = pd.DataFrame({"id": pd.factorize(prompt_ids)[0], "text": texts}).drop_duplicates()
    return int((pairs["id"].value_counts() > 1).sum())
