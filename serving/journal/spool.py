"""A bounded file that takes rows while the database can't: one checked line per row, torn tails ignored.

Line: crc32 of the rest (8 hex digits), a space, JSON. A line whose checksum does not fit was never acknowledged.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import orjson

from serving.journal.rows import DecisionRow, OutcomeRow, from_columns, to_columns
from serving.journal.settings import JournalSettings

Row = DecisionRow | OutcomeRow


class SpoolFull(OSError):
    """The spool has reached its bound; the row is not kept."""


class Spool:
    """Rows of one kind on disk.

    Parameters
    ----------
    path
        The file; made when the first row comes.
    kind
        What its rows are.
    max_bytes
        It never grows beyond this.
    """

    def __init__(self, path: Path, kind: type[DecisionRow] | type[OutcomeRow], max_bytes: int) -> None:
        self._path = path
        self._kind = kind
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._taken = 0

    @property
    def size(self) -> int:
        """Bytes on disk."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, rows: Sequence[Row], *, durable: bool) -> None:
        """Add rows, all or none; `durable` returns only when they are on the disk.

        Raises
        ------
        SpoolFull
            They would not fit.
        OSError
            The disk is full or gone.
        """
        if not rows:
            return
        data = b"".join(_line(row) for row in rows)
        with self._lock:
            before = self.size
            if before + len(data) > self._max_bytes:
                raise SpoolFull(f"{self._path.name} has reached its bound of {self._max_bytes} bytes")
            fresh = not self._path.exists()
            with self._path.open("ab") as file:
                try:
                    file.write(data if before == 0 or self._ends_whole() else b"\n" + data)
                    file.flush()
                    if durable:
                        os.fsync(file.fileno())
                except OSError:
                    os.ftruncate(file.fileno(), before)
                    raise
            if fresh and durable:
                _sync_folder(self._path.parent)

    def drain_some(self, take: Callable[[list[Row]], None], chunk: int = 500) -> bool:
        """Hand the next rows to `take`; the file goes when its last row was taken.

        After a failure, or in a new process, rows may be handed over twice: `take` is idempotent.

        Returns
        -------
        bool
            False where there was nothing to hand over.
        """
        with self._lock:
            if not self.size:
                return False
            batch, place = list[Row](), self._taken
            with self._path.open("rb") as file:
                file.seek(place)
                while len(batch) < chunk and (line := file.readline()):
                    place += len(line)
                    checksum, _, content = line.rstrip(b"\n").partition(b" ")
                    if checksum == _crc(content):
                        batch.append(from_columns(self._kind, orjson.loads(content)))
            if batch:
                take(batch)
            self._taken = place
            if place >= self.size:
                self._taken = 0
                self._path.unlink()
                _sync_folder(self._path.parent)
            return True

    def _ends_whole(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


class SpoolFolder:
    """The spools of one process.

    Parameters
    ----------
    folder
        Made where it is not there.

    Raises
    ------
    OSError
        It can't be made.
    """

    def __init__(self, folder: Path, settings: JournalSettings) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.decisions = Spool(folder / "decisions.spool", DecisionRow, settings.decision_spool_bytes)
        self.outcomes = Spool(folder / "outcomes.spool", OutcomeRow, settings.outcome_spool_bytes)
        self._rejected = folder / "rejected.spool"
        self._settings = settings

    @property
    def size(self) -> int:
        """Bytes that wait for the database."""
        return self.decisions.size + self.outcomes.size

    def drain_some(self, take: Callable[[list[Row]], None]) -> bool:
        """Hand the next rows over, outcomes first; False where nothing waits."""
        return self.outcomes.drain_some(take) or self.decisions.drain_some(take)

    def set_aside(self, row: Row) -> None:
        """Keep a row that the database will never take where a person can look at it."""
        Spool(self._rejected, type(row), self._settings.decision_spool_bytes).append([row], durable=True)


def _line(row: Row) -> bytes:
    content = orjson.dumps({**asdict(row), **to_columns(row)})
    return _crc(content) + b" " + content + b"\n"


def _crc(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
