"""Batches of raw rows as readers yield them, before validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import pyarrow as pa

from training.types import IntArray


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Batch sizes and upper limits of a reader.

    Parameters
    ----------
    max_prompt_chars
        A longer prompt (all turns together) goes to quarantine.
    max_row_bytes
        A longer line of JSONL or record of CSV is not even parsed; its first bytes go to quarantine.
    batch_rows, batch_bytes
        A batch ends at whichever comes first.
    max_extra_columns
        Unknown columns that are kept; further ones are dropped and counted.
    """

    max_prompt_chars: int = 2_000_000
    max_row_bytes: int = 1 << 26
    batch_rows: int = 16_384
    batch_bytes: int = 1 << 25
    max_extra_columns: int = 200


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that can't be parsed.

    Parameters
    ----------
    line
        Its line in the file, from 1.
    kind
        The reason as counted.
    reason
        The reason in words; never holds the prompt.
    text
        The row as found; undecodable bytes are escaped.
    """

    line: int
    kind: str
    reason: str
    text: str


Column: TypeAlias = "Sequence[object] | pa.Array"


class Rows(Protocol):
    """A batch of n rows; `unreadable` rows are not counted in n."""

    @property
    def lines(self) -> IntArray:
        """(n,): line in the file (Parquet: row number), from 1."""
        ...

    @property
    def unreadable(self) -> Sequence[UnreadableRow]:
        """Rows of this part of the file that can't be parsed."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Columns that at least one row has."""
        ...

    def __len__(self) -> int: ...

    def column(self, name: str) -> Column | None:
        """Return the n cells of a column, None where a row has none; None if no row has the column."""
        ...

    def row(self, index: int) -> Mapping[str, object]:
        """Return one row as found, by its index in the batch."""
        ...


class DictRows:
    """Rows of JSONL and CSV."""

    __slots__ = ("_rows", "lines", "names", "unreadable")

    def __init__(
        self, rows: Sequence[Mapping[str, object]], lines: Sequence[int], unreadable: Sequence[UnreadableRow]
    ) -> None:
        self._rows = rows
        self.lines: IntArray = np.array(lines, np.int64)
        self.unreadable: Sequence[UnreadableRow] = unreadable
        self.names: Sequence[str] = tuple(dict.fromkeys(name for row in rows for name in row))

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, name: str) -> Column | None:
        """Return the cells of a column."""
        return [row.get(name) for row in self._rows] if name in self.names else None

    def row(self, index: int) -> Mapping[str, object]:
        """Return one row as found, by its index in the batch."""
        return self._rows[index]


class ArrowRows:
    """Rows of Parquet."""

    __slots__ = ("_batch", "lines", "names", "unreadable")

    def __init__(self, batch: pa.RecordBatch, first_line: int) -> None:
        self._batch = batch
        self.lines: IntArray = np.arange(first_line, first_line + batch.num_rows, dtype=np.int64)
        self.unreadable: Sequence[UnreadableRow] = ()
        self.names: Sequence[str] = tuple(batch.schema.names)

    def __len__(self) -> int:
        return int(self._batch.num_rows)

    def column(self, name: str) -> Column | None:
        """Return the cells of a column."""
        return self._batch.column(name) if name in self.names else None

    def row(self, index: int) -> Mapping[str, object]:
        """Return one row as found, by its index in the batch."""
        return {name: objects(self._batch.column(name).slice(index, 1))[0] for name in self.names}


def objects(column: Column) -> Sequence[object]:
    """Return the cells of a column as Python objects; equal cells of a dictionary column are one object.

    Text that is not UTF-8 is returned as bytes; values that Python can't hold are returned as text.
    """
    if not isinstance(column, pa.Array):
        return column
    if pa.types.is_dictionary(column.type):
        codes = column.indices.to_pylist()
        used = sorted({code for code in codes if code is not None})
        found = dict(zip(used, objects(column.dictionary.take(pa.array(used, pa.int64()))), strict=True))
        return [None if code is None else found[code] for code in codes]
    try:
        cells: list[object] = column.to_pylist()
    except UnicodeDecodeError:
        return [_decoded(cell) for cell in _as_binary(column)]
    except (ValueError, OverflowError, pa.ArrowException):
        return _as_shown(column)
    return cells


def _as_shown(column: pa.Array) -> Sequence[str | None]:
    """Return cells as Arrow shows them, such as dates beyond the year 9999."""
    try:
        cells: list[str | None] = column.cast(pa.string()).to_pylist()
    except pa.ArrowException:
        return [
            column.slice(row, 1).to_string() if column.is_valid()[row].as_py() else None for row in range(len(column))
        ]
    return cells


def _as_binary(column: pa.Array) -> Sequence[bytes | None]:
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return [b"\xff" if cell.is_valid else None for cell in column]  # text inside a nested cell
    cells: list[bytes | None] = column.cast(pa.large_binary()).to_pylist()
    return cells


def _decoded(cell: bytes | None) -> object:
    try:
        return None if cell is None else cell.decode()
    except UnicodeDecodeError:
        return cell
