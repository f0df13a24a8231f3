"""Bounded spool files for rows while the database is down: one line with a checksum per row, torn tails ignored.

Line: crc32 of the rest (8 hex digits), a space, JSON. A line with a wrong checksum was never acknowledged.
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
    """The spool has reached its bound; the rows are not kept."""


class Spool:
    """Rows of one kind on disk.

    Parameters
    ----------
    path
        The file; created with the first row.
    kind
        Type of its rows.
    max_bytes
        Bound of the file's size.
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
        """Append all rows or none; with `durable`, return only when they are synced to disk.

        Raises
        ------
        SpoolFull
            They would not fit.
        OSError
            The disk is full or not there.
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
                    file.write(data if before == 0 or self._ends_with_newline() else b"\n" + data)
                    file.flush()
                    if durable:
                        os.fsync(file.fileno())
                except OSError:
                    os.ftruncate(file.fileno(), before)
                    raise
            if fresh and durable:
                _sync_folder(self._path.parent)

    def drain_some(self, take: Callable[[list[Row]], None], chunk: int = 500) -> bool:
        """Pass the next rows to `take`, and delete the file after its last row.

        After a failure, or in a new process, rows may be passed twice: `take` must be idempotent.

        Returns
        -------
        bool
            False where the spool was empty.
        """
        with self._lock:
            if not self.size:
                return False
            batch, offset = list[Row](), self._taken
            with self._path.open("rb") as file:
                file.seek(offset)
                while len(batch) < chunk and (line := file.readline()):
                    offset += len(line)
                    checksum, _, content = line.rstrip(b"\n").partition(b" ")
                    if checksum == _crc(content):
                        batch.append(from_columns(self._kind, orjson.loads(content)))
            if batch:
                take(batch)
            self._taken = offset
            if offset >= self.size:
                self._taken = 0
                self._path.unlink()
                _sync_folder(self._path.parent)
            return True

    def _ends_with_newline(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


class SpoolFolder:
    """The spools of one process.

    Parameters
    ----------
    folder
        Created where it does not exist.

    Raises
    ------
    OSError
        The folder can't be created.
    """

    def __init__(self, folder: Path, settings: JournalSettings) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.decisions = Spool(folder / "decisions.spool", DecisionRow, settings.decision_spool_bytes)
        self.outcomes = Spool(folder / "outcomes.spool", OutcomeRow, settings.outcome_spool_bytes)
        self._rejected = folder / "rejected.spool"
        self._settings = settings

    @property
    def size(self) -> int:
        """Bytes of rows that wait for the database."""
        return self.decisions.size + self.outcomes.size

    def drain_some(self, take: Callable[[list[Row]], None]) -> bool:
        """Pass the next rows to `take`, outcomes first; False where both spools are empty."""
        return self.outcomes.drain_some(take) or self.decisions.drain_some(take)

    def set_aside(self, row: Row) -> None:
        """Keep a row that the database refuses in `rejected.spool`, for an operator to inspect."""
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
