"""Opens the journal of one worker: its database by URL, and its own spool folder on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serving.decision.errors import BadInput
from serving.journal.settings import JournalSettings
from serving.journal.store import Store
from serving.journal.writer import Journal

NONE: Final = "none"
"""The URL of no journal."""


class BadSpool(BadInput):
    """The spool folder can't be used; the message names the setting."""


@dataclass(frozen=True, slots=True)
class WorkerSlot:
    """Which of the server's processes this is.

    Parameters
    ----------
    number, of
        0 to of - 1.
    """

    number: int = 0
    of: int = 1


ALONE: Final = WorkerSlot()
"""The only process."""


def open_journal(url: str, spool: Path | None, settings: JournalSettings, seat: WorkerSlot) -> Journal | None:
    """Open it; the database need not be up.

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
        return Journal(store, parent / str(seat.number), settings, adopted=_orphans(parent, seat))
    except OSError as error:
        raise BadSpool(
            f"{parent} can't hold the journal's spool ({error.strerror}): name a folder that can be written with"
            " --spool DIR, or keep no journal with --journal none"
        ) from None


def default_spool_folder(url: str) -> Path:
    """Give the default parent of the spool folders.

    Examples
    --------
    >>> spool_of("sqlite:////var/lib/thinkgate/journal.db").as_posix()
    '/var/lib/thinkgate/journal.db.spool'
    >>> spool_of("postgresql://db/thinkgate").as_posix()
    'journal.spool'
    """
    path = url.removeprefix("sqlite:///")
    return Path("journal.spool" if path == url else f"{path}.spool")


def _orphans(parent: Path, seat: WorkerSlot) -> Sequence[Path]:
    """Find the spools of workers that there are no more; each worker takes its share of them."""
    if not parent.is_dir():
        return ()
    numbers = [int(folder.name) for folder in parent.iterdir() if folder.name.isdigit() and folder.is_dir()]
    return [parent / str(n) for n in sorted(numbers) if n >= seat.of and n % seat.of == seat.number]
