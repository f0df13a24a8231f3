"""Streams outcome records to JSONL, CSV or Parquet; the file appears only when complete."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from training.atomic_files import replacing
from training.errors import BadHistory
from training.records.outcome_record import COLUMNS, NUMBERS, OutcomeRecord

_BATCH: Final = 4096


class RecordWriter(Protocol):
    """Writes records one by one."""

    def write(self, record: OutcomeRecord) -> None:
        """Write one record."""
        ...

    def close(self) -> None:
        """Flush buffered records."""
        ...


@contextmanager
def open_writer(path: Path) -> Iterator[RecordWriter]:
    """Open a file for outcome records; it replaces an older one only when the block ends without an error.

    Parameters
    ----------
    path
        Ends in .jsonl, .csv or .parquet. CSV and Parquet hold extra columns as JSON text in one column, `extras`, since
        their columns are fixed before the last record is known.

    Raises
    ------
    BadHistory
        If the name has another ending, or can't be written.
    """
    kind = _WRITERS.get(path.suffix)
    if kind is None:
        raise BadHistory(f"{path}: outcome records are written as {', '.join(_WRITERS)}: name the file so")
    try:
        with replacing(path) as part, part.open("wb") as file:
            writer = kind(file)
            try:
                yield writer
            finally:  # also after an error: an open ParquetWriter would complain when it is collected
                writer.close()
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BadHistory(f"{path}: {error.strerror or error}; choose a path that can be written") from error


class _Jsonl:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, record: OutcomeRecord) -> None:
        self._file.write(orjson.dumps({"success": None} | record.row(), default=str, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Nothing is buffered."""


class _Csv:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._text = _Text(file)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow([*COLUMNS, "extras"])

    def write(self, record: OutcomeRecord) -> None:
        row = _flat(record)
        self._writer.writerow(["" if row.get(name) is None else row[name] for name in (*COLUMNS, "extras")])

    def close(self) -> None:
        """Nothing is buffered."""


class _Text:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())


class _Parquet:
    def __init__(self, file: IO[bytes]) -> None:
        kinds = [(name, pa.float64() if name in NUMBERS else pa.string()) for name in (*COLUMNS, "extras")]
        self._schema = pa.schema(kinds)
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[dict[str, object]] = []

    def write(self, record: OutcomeRecord) -> None:
        self._rows.append(_flat(record))
        if len(self._rows) >= _BATCH:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


def _flat(record: OutcomeRecord) -> dict[str, object]:
    row = record.row()
    extras = {name: row.pop(name) for name in list(row) if name not in COLUMNS}
    return row | ({"extras": orjson.dumps(extras, default=str).decode()} if extras else {})


_WRITERS: Final[Mapping[str, Callable[[IO[bytes]], RecordWriter]]] = {
    ".jsonl": _Jsonl,
    ".csv": _Csv,
    ".parquet": _Parquet,
}
