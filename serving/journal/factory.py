"""Opens a worker's journal, and the decision sink that writes to it.

Each worker has a spool folder of its own, named by its number. A worker also drains the spool folders of workers that
no longer exist, so that rows survive a restart with fewer workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serving.decision import BadInput, RecordedDecision, Request
from serving.journal.decision_draft import DecisionDraft
from serving.journal.redaction import StorePrompts
from serving.journal.settings import JournalSettings
from serving.journal.store import Store
from serving.journal.writer import Journal

NONE: Final = "none"
"""The URL that switches the journal off."""


class BadSpool(BadInput):
    """The spool folder can't be used; the message names the setting."""


@dataclass(frozen=True, slots=True)
class WorkerSlot:
    """Position of a process among the server's workers.

    Parameters
    ----------
    number, of
        0 to of - 1.
    """

    number: int = 0
    of: int = 1


ALONE: Final = WorkerSlot()
"""The only process."""


class JournalSink:
    """A `DecisionSink` that writes the journal: one append per decision on the hot path.

    Parameters
    ----------
    privacy
        How much of a prompt may be stored.
    """

    def __init__(self, journal: Journal, privacy: StorePrompts) -> None:
        self._journal, self._privacy = journal, privacy

    def decided(self, request: Request, decided: RecordedDecision) -> None:
        """Queue one decision."""
        self._journal.record(DecisionDraft(request, decided, self._privacy))


def open_journal(url: str, spool: Path | None, settings: JournalSettings, slot: WorkerSlot) -> Journal | None:
    """Open the journal of one worker; the database need not be up.

    Parameters
    ----------
    url
        `none`, `sqlite:///path.db` or `postgresql://...`.
    spool
        Parent of the workers' spool folders; beside the SQLite file, or `./journal.spool`, where None.

    Raises
    ------
    BadJournalUrl, BadSpool
        With the cure.
    """
    if url == NONE:
        return None
    store = Store(url)
    parent = default_spool_folder(url) if spool is None else spool
    try:
        return Journal(store, parent / str(slot.number), settings, adopted=_orphans(parent, slot))
    except OSError as error:
        raise BadSpool(
            f"{parent} can't hold the journal's spool ({error.strerror}): name a folder that can be written with"
            " --spool DIR, or keep no journal with --journal none"
        ) from None


def default_spool_folder(url: str) -> Path:
    """Return the default parent of the spool folders.

    Examples
    --------
    >>> default_spool_folder("sqlite:////var/lib/thinkgate/journal.db").as_posix()
    '/var/lib/thinkgate/journal.db.spool'
    >>> default_spool_folder("postgresql://db/thinkgate").as_posix()
    'journal.spool'
    """
    path = url.removeprefix("sqlite:///")
    return Path("journal.spool" if path == url else f"{path}.spool")


def _orphans(parent: Path, slot: WorkerSlot) -> Sequence[Path]:
    """Find this worker's share of the spool folders whose worker no longer exists."""
    if not parent.is_dir():
        return ()
    numbers = [int(folder.name) for folder in parent.iterdir() if folder.name.isdigit() and folder.is_dir()]
    return [parent / str(n) for n in sorted(numbers) if n >= slot.of and n % slot.of == slot.number]
