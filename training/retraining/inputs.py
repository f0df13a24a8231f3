"""What a run of the loop learns from: the journal, exported, and outcome records beside it; one run at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from serving.decision.errors import BadInput
from serving.journal.store import Store
from training.errors import BadHistory, TrainingError
from training.progress import Progress, silent
from training.retraining.records_of_journal import ExportedJournal, export_journal


class RunInProgress(TrainingError):
    """Another run holds the lock."""


@dataclass(frozen=True, slots=True)
class TrainingInputs:
    """Files to read, and what came out of the journal; None without one."""

    sources: tuple[str, ...]
    exported: ExportedJournal | None


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold the lock; the system lets go of it when the process ends, however it does."""
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
    """Export the journal beside the records that are named.

    Raises
    ------
    BadInput
        There is neither, or the journal can't be read or teaches nothing.
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
        exported = export_journal(store.entries(), path)
    except SQLAlchemyError as error:
        raise BadInput(f"the journal can't be read ({type(error).__name__}): is it up, and is it a journal?") from None
    finally:
        store.close()
    if not exported.rows and not history:
        why = "; ".join(f"{count} x {reason}" for reason, count in exported.left_out.items()) or "it is empty"
        raise BadHistory(f"the journal teaches nothing ({why}): store prompts, and report outcomes")
    return TrainingInputs(((str(path),) if exported.rows else ()) + history, exported)
