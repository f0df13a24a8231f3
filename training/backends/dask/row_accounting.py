"""Row accounting: adds up the counts of workers, so that every row is kept or quarantined as on one machine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import add
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from training.backends.dask.partition_reader import ROWS_PER_FILE, PartitionFacts, RowTally
from training.backends.dask.storage import display_path
from training.errors import BadHistory, TooLittleToLearn
from training.records import Counts, Fingerprint, History

REPEATED: Final = "duplicate request_id"
EXAMPLES: Final = 20


def account_rows(
    files: Sequence[str], tallies: Sequence[RowTally], facts: Sequence[PartitionFacts], quarantine: Path | None
) -> History:
    """Give the history without its rows; before the shuffle (no facts) rows not rejected count as kept."""
    quarantined = sum((tally.quarantined for tally in tallies), Counter[str]())
    read = sum(tally.read for tally in tallies)
    kept = sum(one.rows for one in facts) if facts else read - quarantined.total()
    quarantined[REPEATED] += sum(one.duplicates for one in facts)
    warnings = sum((tally.warnings for tally in tallies), Counter[str]())
    warnings["prompt_ids that stand for several texts"] = sum(one.shared for one in facts)
    counts = Counts(
        files=len(files),
        read=read,
        kept=kept,
        quarantined={reason: rows for reason, rows in quarantined.most_common() if rows},
        duplicates=quarantined[REPEATED],
        per_arm=dict(sorted(sum((one.per_arm for one in facts), Counter[str]()).items())),
        success_unknown=sum(one.success_unknown for one in facts),
        prompts=sum(one.prompts for one in facts),
        without_request_id=sum(tally.without_request_id for tally in tallies),
        warnings={kind: count for kind, count in warnings.items() if count},
    )
    return History(
        pd.DataFrame(),
        counts,
        reduce(add, (one.fingerprint for one in facts), Fingerprint()).digest,
        _timestamp(min((one.start for one in facts), default=np.inf)),
        _timestamp(max((one.end for one in facts), default=-np.inf)),
        tuple(example for tally in tallies for example in tally.examples)[:EXAMPLES],
        quarantine,
        any(tally.synthetic for tally in tallies),
    )


def require_all_arms(facts: Sequence[PartitionFacts]) -> None:
    """Refuse a history of which no partition has calls of every arm.

    Raises
    ------
    TooLittleToLearn
        No partition has a known success of every arm.
    """
    if not any(one.has_all_arms for one in facts):
        raise TooLittleToLearn(
            f"none of {len(facts)} partitions has a known success of every arm: an uplift needs calls of all arms on "
            "the same kinds of prompts; collect them together (thinkgate collect), or let policy.toml explore"
        )


def write_quarantine(path: Path | None, tallies: Sequence[RowTally]) -> None:
    """Overwrite the quarantine file with the rejected rows of all pieces.

    Raises
    ------
    BadHistory
        If the file can't be written.
    """
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(line for tally in tallies for line in tally.bad)
    except OSError as error:
        raise BadHistory(f"quarantine {path}: {error.strerror}; choose a path that can be written") from error


def append_duplicates(path: Path | None, files: Sequence[str], facts: Sequence[PartitionFacts]) -> None:
    """Append rows whose request id occurred before in another piece, by id only: workers keep their contents."""
    if path is None:
        return
    with path.open("a", encoding="utf-8", newline="\n") as file:
        for repeat in sorted((repeat for one in facts for repeat in one.repeats), key=lambda repeat: repeat.place):
            entry = {
                "source": display_path(files[repeat.place // ROWS_PER_FILE]),
                "line": repeat.place % ROWS_PER_FILE,
                "kind": REPEATED,
                "reason": "request_id came before; the first row of it is kept",
                "row": {"request_id": repeat.request_id},
            }
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _timestamp(epoch: float) -> datetime | None:
    return datetime.fromtimestamp(epoch, UTC) if np.isfinite(epoch) else None
