"""Inputs of a retraining run: the journal exported as outcome records, files named beside it, and the run lock."""

from __future__ import annotations

import fcntl
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from sqlalchemy.exc import SQLAlchemyError

from serving.decision import BadInput
from serving.journal import (
    ArmsOfPolicy,
    JournalEntry,
    Store,
    Treatment,
    journalled_arms,
    no_arms,
    treatment_of,
)
from training.errors import BadHistory, TrainingError
from training.progress import Progress, silent

_FIGURES = (
    "success",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "gpu_seconds",
    "latency_ms",
    "retries",
    "failure_mode",
)


class RunInProgress(TrainingError):
    """Another retraining run holds the lock."""


@dataclass(frozen=True, slots=True)
class ExportedJournal:
    """Counts of a journal export.

    Parameters
    ----------
    decisions, rows
        Read, and written as records.
    left_out
        Reason -> decisions.
    """

    decisions: int
    rows: int
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TrainingInputs:
    """Files to train on, and the counts of the journal export; None without a journal."""

    sources: tuple[str, ...]
    exported: ExportedJournal | None


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold the lock; the operating system releases it when the process ends, however it ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunInProgress(
                f"another retraining holds {path}: wait for it, or name another --work folder"
            ) from None
        yield


def gather_inputs(
    journal: str | None, history: tuple[str, ...], work: Path, progress: Progress = silent
) -> TrainingInputs:
    """Export the journal and list it before the records that are named.

    Raises
    ------
    BadInput
        There is neither, or the journal can't be read or has no usable decision.
    """
    if journal is None:
        if not history:
            raise BadInput("nothing to learn from: name a journal with --journal, or outcome records")
        return TrainingInputs(history, None)
    path = work / "journal.jsonl"
    progress("read the journal", 0, 0)
    database = Path(journal.removeprefix("sqlite:///"))
    if journal.startswith("sqlite:///") and not database.is_file():
        raise BadInput(f"{database} is not there: name the journal that the server writes (--journal)")
    store = Store(journal)
    try:
        exported = export_journal(store.entries(), path, journalled_arms(store))
    except SQLAlchemyError as error:
        raise BadInput(f"the journal can't be read ({type(error).__name__}): is it up, and is it a journal?") from None
    finally:
        store.close()
    if not exported.rows and not history:
        why = "; ".join(f"{count} x {reason}" for reason, count in exported.left_out.items()) or "it is empty"
        raise BadHistory(f"the journal has no usable decision ({why}): store prompts, and report outcomes")
    return TrainingInputs(((str(path),) if exported.rows else ()) + history, exported)


def export_journal(entries: Iterable[JournalEntry], path: Path, arms: ArmsOfPolicy = no_arms) -> ExportedJournal:
    """Write the usable decisions as JSON lines, one outcome record each.

    An outcome belongs to the arm that the call really amounts to, with the propensity that this arm then has: a drawn
    arm that was not applied is no draw of it. Where what was applied is unknown or no arm, the row is left out with the
    reason. So it is where the caller took another arm than was decided, for its propensity is unknown, and so are
    fallbacks, which have none.

    Parameters
    ----------
    arms
        Gives the arms of a policy version, for outcomes that report another effort than was decided.
    """
    left_out: Counter[str] = Counter()
    rows = 0
    with path.open("wb") as file:
        for entry in entries:
            treatment = treatment_of(entry, arms)
            reason = _unfit(entry, treatment)
            if reason is not None:
                left_out[reason] += 1
                continue
            file.write(orjson.dumps(_record(entry, treatment)) + b"\n")
            rows += 1
    return ExportedJournal(rows + left_out.total(), rows, dict(left_out))


def _unfit(entry: JournalEntry, treatment: Treatment) -> str | None:
    decision, outcome = entry.decision, entry.outcome
    if outcome is None or outcome.success is None:
        return "no success was reported"
    if decision.messages is None:
        return "the prompt was not stored"
    if decision.replay is None:
        return "a fallback made the decision"
    if treatment.arm is None:
        return treatment.why_not
    if outcome.arm is not None and outcome.arm != treatment.arm:
        return "another arm was called"
    return None


def _record(entry: JournalEntry, treatment: Treatment) -> dict[str, object]:
    decision, outcome = entry.decision, entry.outcome
    assert outcome is not None
    assert decision.messages is not None
    value = None if decision.replay is None else orjson.loads(decision.replay)["context"]["value_of_success_usd"]
    return {
        "request_id": decision.decision_id,
        "messages": orjson.loads(decision.messages),
        "arm": treatment.arm,
        "propensity": treatment.propensity,
        "timestamp": decision.decided_at,
        "model": treatment.model,
        "task": decision.task,
        "tenant": decision.tenant,
        "session_id": decision.session_id,
        "value_of_success_usd": value,
        **{name: getattr(outcome, name) for name in _FIGURES},
    }
