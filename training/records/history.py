"""Reads outcome records from Parquet, JSONL and CSV: every row is either kept or in quarantine with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.decision.types import Arm
from training.errors import BadHistory, HistoryEmpty
from training.progress import Progress, silent
from training.records.frame_builder import Fingerprint
from training.records.quarantine import Quarantine, QuarantinedExample
from training.records.readers.files import QUARANTINE_SUFFIX, find_files, read_rows
from training.records.readers.rows import ReadLimits
from training.records.validation import Reader


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows; `read` is `kept` plus all of `quarantined`.

    Parameters
    ----------
    files
        Files read, empty ones included.
    read, kept
        Rows.
    quarantined
        Rows by reason; a row counts once, under its first.
    duplicates
        Rows whose request id came before: those of them are in quarantine.
    per_arm
        Kept rows by arm.
    success_unknown
        Kept rows whose success is not known yet.
    prompts
        Distinct prompts among the kept rows.
    unnamed
        Kept rows that came without a request id: repeats of them can't be told.
    doubts
        What was kept but looks odd, by kind; rows, unless the kind says otherwise.
    """

    files: int
    read: int
    kept: int
    quarantined: Mapping[str, int]
    duplicates: int
    per_arm: Mapping[str, int]
    success_unknown: int
    prompts: int
    unnamed: int
    doubts: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Outcome records that can be used.

    Parameters
    ----------
    frame
        One row per call, numbered from 0. `request_id`, `prompt_id`, `session_id`: Arrow strings. `prompt`, `messages`
        (JSON text), `arm`, `model`, `task`, `tenant`, `failure_mode`: categories, so that a repeated text is held once.
        `success`, `propensity` (1.0 where not given), tokens, `cost_usd`, `gpu_seconds`, `latency_ms`, `retries` and
        `timestamp` (epoch seconds): float64, NaN where unknown. Then the columns that the outcome record does not know.
        None of the rows where workers of a cluster keep them.
    counts
        What became of the rows.
    digest
        sha256 of the known columns, whatever the order of the rows and their split into files.
    start, end
        First and last timestamp; None where no row has one.
    examples
        The first bad rows, without their contents.
    quarantine
        The file that holds all bad rows.
    synthetic
        Does any row call itself synthetic?
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
        JSONL file for bad rows (`source`, `line`, `kind`, `reason`, `row`), written anew. Without it they are counted
        and the first ones named in `examples`. Name it `*.quarantine.jsonl`, so that no folder is read with it in.
    carry
        Carry unknown columns along; without them a wide history needs less memory.
    outcomes
        False for prompts that are to be scored: `arm` and `success` may be absent.
    progress
        Called after each batch.

    Returns
    -------
    History
        Possibly without a row, if all were bad.

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
    with Quarantine(quarantine) as bad:
        reader = Reader(names, bad, limits or ReadLimits(), carry=carry, outcomes=outcomes)
        for file in files:
            for rows in read_rows(file, reader.limits, reader.only):
                reader.take(str(file), rows)
                progress("reading history", reader.seen, 0)
    if not reader.seen:
        raise HistoryEmpty(f"{', '.join(map(str, files[:5]))}: no rows; write one row per call (see data/README.md)")
    return _history(reader, bad, files, quarantine)


def require_rows(history: History) -> None:
    """Refuse a history of which not one row can be used.

    Raises
    ------
    HistoryEmpty
        Names the most frequent reason and the first bad row.
    """
    counts = history.counts
    if counts.kept or not counts.quarantined:
        return
    reason = max(counts.quarantined, key=lambda name: counts.quarantined[name])
    first = history.examples[0]
    raise HistoryEmpty(
        f"none of {counts.read} rows can be used, most often because of {reason}: {first.source}, line {first.line}: "
        f"{first.reason}; mend the rows" + (f", they are in {history.quarantine}" if history.quarantine else "")
    )


def _require_apart(quarantine: Path | None, files: Sequence[Path]) -> None:
    if quarantine is not None and quarantine.resolve() in {file.resolve() for file in files}:
        raise BadHistory(
            f"{quarantine}: the quarantine would overwrite a file of the history; name it *{QUARANTINE_SUFFIX}, or put "
            "it elsewhere"
        )


def _history(reader: Reader, bad: Quarantine, files: Sequence[Path], quarantine: Path | None) -> History:
    frame = reader.store.frame()
    digest = Fingerprint.of(reader.store.hashes(frame)).digest
    if shared := shared_ids(frame["prompt_id"], reader.store.identities(frame)):
        reader.doubts["prompt_ids that stand for several texts"] = shared
    times = frame["timestamp"].dropna().to_numpy()
    per_arm = {str(arm): int(rows) for arm, rows in frame["arm"].value_counts().items()}
    counts = Counts(
        files=len(files),
        read=reader.seen,
        kept=len(frame),
        quarantined=dict(bad.counts.most_common()),
        duplicates=bad.counts["duplicate request_id"],
        per_arm=dict(sorted(per_arm.items())),
        success_unknown=int(frame["success"].isna().sum()),
        prompts=int(frame["prompt_id"].nunique()),
        unnamed=reader.unnamed,
        doubts={kind: count for kind, count in reader.doubts.items() if count},
    )
    start, end = (
        (datetime.fromtimestamp(float(edge), UTC) for edge in (times.min(), times.max()))
        if len(times)
        else (None, None)
    )
    examples = tuple(bad.examples)
    return History(frame, counts, digest, start, end, examples, quarantine, has_synthetic(frame))


def has_synthetic(frame: pd.DataFrame) -> bool:
    """Say whether any row calls itself synthetic."""
    return "source" in frame and bool((frame["source"].astype(str) == "synthetic").any())


def shared_ids(prompt_ids: pd.Series, texts: NDArray[np.uint64]) -> int:
    """Count the prompt ids that stand for more than one text: files that number their prompts from 1 do that."""
    pairs = pd.DataFrame({"id": pd.factorize(prompt_ids)[0], "text": texts}).drop_duplicates()
    return int((pairs["id"].value_counts() > 1).sum())
