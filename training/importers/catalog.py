"""Catalog of sources and the import function: every row is written or quarantined with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from serving.decision import BadInput
from training.importers import csv_table, langfuse, litellm, otel, reasoning_gym, router_benchmarks
from training.importers.base import Importer, ImportOptions, MappedRow
from training.progress import Progress, silent
from training.records import Quarantine, QuarantinedExample, open_writer

SOURCES: Final[Mapping[str, Importer]] = MappingProxyType(
    {
        "litellm-spend-logs": litellm.spend_logs,
        "litellm-callbacks": litellm.callbacks,
        "langfuse": langfuse.langfuse,
        "otel": otel.spans,
        "routerbench": router_benchmarks.routerbench,
        "routerarena": router_benchmarks.routerarena,
        "reasoning-gym-eval": reasoning_gym.reasoning_gym_eval,
        "csv": csv_table.csv_table,
    }
)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Row counts of an import; `read` is `written` plus all of `quarantined`.

    Parameters
    ----------
    read, written
        Calls; an unreadable line counts as one.
    quarantined
        Refused calls by reason.
    per_arm
        Written calls by arm.
    success_unknown, without_propensity
        Written calls without it.
    examples
        The first refused calls, without their contents.
    """

    read: int
    written: int
    quarantined: Mapping[str, int]
    per_arm: Mapping[str, int]
    success_unknown: int
    without_propensity: int
    examples: tuple[QuarantinedExample, ...]


def import_history(
    source: str,
    path: Path,
    out: Path,
    quarantine: Path,
    options: ImportOptions | None = None,
    progress: Progress = silent,
) -> ImportResult:
    """Import a source into a file of outcome records.

    Parameters
    ----------
    source
        A name in `SOURCES`.
    path
        File or folder.
    out
        File to write: .jsonl, .csv or .parquet.
    quarantine
        JSONL file for refused rows (`source`, `line`, `kind`, `reason`, `row`), overwritten.

    Raises
    ------
    BadInput
        If the source is not known, or a file can't be read as a whole or written.
    """
    importer = SOURCES.get(source)
    if importer is None:
        raise BadInput(f"source {source!r} is not known; it is one of {', '.join(SOURCES)}")
    arms: Counter[str] = Counter()
    success_unknown = without_propensity = read = 0
    with Quarantine(quarantine) as rejected, open_writer(out) as writer:
        for read, call in enumerate(importer(path, options or ImportOptions()), 1):
            if isinstance(call, MappedRow):
                writer.write(call.outcome)
                arms[call.outcome.arm] += 1
                success_unknown += call.outcome.success is None
                without_propensity += call.outcome.propensity is None
            else:
                rejected.add(QuarantinedExample(call.source, call.line, call.kind, call.reason), call.row)
            if read % 1000 == 0:
                progress(f"importing {source}", read, 0)
    progress(f"importing {source}", read, 0)
    return ImportResult(
        read=read,
        written=sum(arms.values()),
        quarantined=dict(rejected.counts.most_common()),
        per_arm=dict(arms.most_common()),
        success_unknown=success_unknown,
        without_propensity=without_propensity,
        examples=tuple(rejected.examples),
    )
