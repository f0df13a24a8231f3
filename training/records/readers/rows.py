"""A batch of rows as a file holds them, before anyone has judged them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much a reader takes at a time, and at most.

    Parameters
    ----------
    max_prompt_chars
        A longer prompt (all turns together) goes to quarantine.
    max_row_bytes
        A longer line of JSONL or record of CSV is not even parsed; its first bytes go to quarantine.
    batch_rows, batch_bytes
        A batch ends at whichever comes first.
    max_extra_columns
        Unknown columns carried along; further ones are left behind and counted.
    """

    max_prompt_chars: int = 2_000_000
    max_row_bytes: int = 1 << 26
    batch_rows: int = 16_384
    batch_bytes: int = 1 << 25
    max_extra_columns: int = 200


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that can't be taken apart.

    Parameters
    ----------
    line
        Its line in the file, from 1.
    kind
        The reason as counted.
    reason
        The reason in words; never holds the prompt.
    text
        The row as found; undecodable bytes are written as escapes.
    """

    line: int
    kind: str
    reason: str
    text: str


Column: TypeAlias = "Sequence[object] | pa.Array"


class Rows(Protocol):
    """A batch of n rows; `spoiled` ones are not among them."""

    @property
    def lines(self) -> NDArray[np.int64]:
        """(n,): line in the file (Parquet: row number), from 1."""
        ...

    @property
    def spoiled(self) -> Sequence[UnreadableRow]:
        """Rows of this stretch of the file that can't be taken apart."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Columns that at least one row has."""
        ...

    def __len__(self) -> int: ...

    def column(self, name: str) -> Column | None:
        """Give a column's n cells, None where a row has none; None where no row has the column."""
        ...

    def row(self, place: int) -> Mapping[str, object]:
        """Give one row back as found."""
        ...


class DictRows:
    """Rows of JSONL and CSV."""

    __slots__ = ("_rows", "lines", "names", "spoiled")

    def __init__(
        self, rows: Sequence[Mapping[str, object]], lines: Sequence[int], spoiled: Sequence[UnreadableRow]
    ) -> None:
        self._rows = rows
        self.lines: NDArray[np.int64] = np.array(lines, np.int64)
        self.spoiled: Sequence[UnreadableRow] = spoiled
        self.names: Sequence[str] = tuple(dict.fromkeys(name for row in rows for name in row))

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, name: str) -> Column | None:
        """Give a column's cells."""
        return [row.get(name) for row in self._rows] if name in self.names else None

    def row(self, place: int) -> Mapping[str, object]:
        """Give one row back as found."""
        return self._rows[place]


class ArrowRows:
    """Rows of Parquet."""

    __slots__ = ("_batch", "lines", "names", "spoiled")

    def __init__(self, batch: pa.RecordBatch, first_line: int) -> None:
        self._batch = batch
        self.lines: NDArray[np.int64] = np.arange(first_line, first_line + batch.num_rows, dtype=np.int64)
        self.spoiled: Sequence[UnreadableRow] = ()
        self.names: Sequence[str] = tuple(batch.schema.names)

    def __len__(self) -> int:
        return int(self._batch.num_rows)

    def column(self, name: str) -> Column | None:
        """Give a column's cells."""
        return self._batch.column(name) if name in self.names else None

    def row(self, place: int) -> Mapping[str, object]:
        """Give one row back as found."""
        return {name: objects(self._batch.column(name).slice(place, 1))[0] for name in self.names}


def objects(column: Column) -> Sequence[object]:
    """Give a column's cells as Python objects; equal cells of a dictionary column are one object.

    Text that is not UTF-8 comes back as bytes; what Python can't hold comes back as its written form.
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
        return [str(cell) if cell.is_valid else None for cell in column]
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
