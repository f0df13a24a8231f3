"""A bounded file that takes rows while the database can't: one checked line per row, torn tails ignored.

Line: crc32 of the rest (8 hex digits), a space, JSON. A line whose checksum does not fit was never acknowledged.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import orjson

from serving.journal.rows import DecisionRow, OutcomeRow, from_columns, to_columns

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

    def drain(self, take: Callable[[list[Row]], None], chunk: int = 500) -> int:
        """Hand all rows to `take`, chunk by chunk, then empty the file; a failure keeps the whole file.

        Rows may be handed over twice after a failure: `take` is idempotent.
        """
        with self._lock:
            taken, batch = 0, list[Row]()
            for row in self._rows():
                batch.append(row)
                if len(batch) == chunk:
                    take(batch)
                    taken, batch = taken + len(batch), []
            if batch:
                take(batch)
                taken += len(batch)
            if self._path.exists():
                self._path.unlink()
                _sync_folder(self._path.parent)
            return taken

    def _rows(self) -> Iterator[Row]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for line in file:
                checksum, _, content = line.rstrip(b"\n").partition(b" ")
                if checksum == _crc(content):
                    yield from_columns(self._kind, orjson.loads(content))

    def _ends_whole(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


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
