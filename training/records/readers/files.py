"""Finds the files of a history and streams their rows in batches (Parquet, JSONL, CSV)."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from training.errors import HistoryMissing, HistoryUnreadable
from training.records.readers.csv_reader import csv_rows
from training.records.readers.lines import Line, TextRow, batches, lines, not_utf8, open_text, too_long
from training.records.readers.rows import ArrowRows, ReadLimits, Rows, UnreadableRow

FORMATS: Final[Mapping[str, str]] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
}
QUARANTINE_SUFFIX: Final = ".quarantine.jsonl"
"""Files of this name are skipped in folders and globs: they hold quarantined rows."""

_TEXTS: Final = ("prompt", "messages")


def find_files(paths: str | Path | Iterable[str | Path]) -> tuple[Path, ...]:
    """List the files that paths name, each once.

    Parameters
    ----------
    paths
        Files, folders (searched to the bottom; files of other formats are left alone) and globs.

    Raises
    ------
    HistoryMissing
        If a path matches no file.
    HistoryUnreadable
        If a file that was named itself has no known format.
    """
    found: dict[Path, Path] = {}
    for path in (paths,) if isinstance(paths, str | Path) else paths:
        for file in _expand(Path(path)):
            found.setdefault(file.resolve(), file)
    if not found:
        raise HistoryMissing("no file given: name a file, a folder or a glob")
    return tuple(found.values())


def format_of(path: Path) -> str | None:
    """Return the format by the file name; None if it is not supported.

    Examples
    --------
    >>> format_of(Path("a.jsonl.gz")), format_of(Path("b.parquet")), format_of(Path("notes.txt"))
    ('jsonl', 'parquet', None)
    """
    name = path.name.lower()
    kind = FORMATS.get(Path(name.removesuffix(".gz")).suffix)
    return None if kind == "parquet" and name.endswith(".gz") else kind


def read_rows(path: Path, limits: ReadLimits, only: Iterable[str] | None = None) -> Iterator[Rows]:
    """Yield the rows of a file in batches.

    Parameters
    ----------
    path
        A file of a known format.
    only
        Columns that are needed; None for all of them. Parquet reads no others.

    Raises
    ------
    HistoryUnreadable
        If the file as a whole can't be read.
    """
    kind = format_of(path)
    if kind == "parquet":
        return _parquet_rows(path, limits, only)
    return batches(csv_rows(path, limits) if kind == "csv" else _jsonl_rows(path, limits), limits)


def _expand(path: Path) -> list[Path]:
    if path.is_dir():
        files = [
            file
            for file in sorted(path.rglob("*"))
            if format_of(file) and file.is_file() and not _hidden(file.relative_to(path))
        ]
        if not files:
            raise HistoryMissing(f"{path}: no outcome records in this folder: they end in {', '.join(FORMATS)}")
        return files
    if path.exists():
        if format_of(path) is None:
            raise HistoryUnreadable(f"{path}: unknown format; use one of {', '.join(FORMATS)} (text may be .gz)")
        return [path]
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    files = [file for file in map(Path, matches) if format_of(file) and file.is_file() and not _hidden(file)]
    if not files:
        raise HistoryMissing(f"{path}: no such file, folder or glob of outcome records")
    return files


def _hidden(path: Path) -> bool:
    return path.name.endswith(QUARANTINE_SUFFIX) or any(
        part.startswith(".") and part not in (".", "..") for part in path.parts
    )


def _jsonl_rows(path: Path, limits: ReadLimits) -> Iterator[TextRow]:
    with open_text(path) as stream:
        source = lines(stream, limits.max_row_bytes)
        head = list(islice(source, 2))
        _require_lines(head, path)
        for line in chain(head, source):
            if not line.blank:
                yield TextRow(line.number, _object(line, limits), len(line.data))


def _require_lines(head: list[Line], path: Path) -> None:
    """Reject one JSON value that spans the file: every line of it would be an invalid row."""
    first, second = ([line.data.strip() for line in head] + [b"", b""])[:2]
    if first == b"[" or first.startswith(b"[{"):
        raise HistoryUnreadable(f"{path}: one JSON array; write one object per line: jq -c '.[]'")
    if first == b"{" and second.startswith(b'"'):
        raise HistoryUnreadable(f"{path}: objects that span lines; write one object per line: jq -c .")


def _object(line: Line, limits: ReadLimits) -> Mapping[str, object] | UnreadableRow:
    if line.truncated:
        return too_long(line, limits.max_row_bytes)
    try:
        value = orjson.loads(line.data)
    except orjson.JSONDecodeError:
        try:
            value = json.loads(line.data.decode())  # also takes NaN and lone surrogates
        except UnicodeDecodeError:
            return not_utf8(line.number, line.text)
        except (ValueError, RecursionError) as error:
            detail = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else "too deep"
            reason = f"not JSON ({detail}): is the line cut off?"
            return UnreadableRow(line.number, "not JSON", reason, line.text)
    if not isinstance(value, dict):
        return UnreadableRow(
            line.number, "not an object", "a line must be one JSON object with named columns", line.text
        )
    return value


def _parquet_rows(path: Path, limits: ReadLimits, only: Iterable[str] | None) -> Iterator[ArrowRows]:
    if not path.stat().st_size:
        return iter(())
    return parquet_rows(path, str(path), limits, only)


def parquet_rows(
    source: Path | BinaryIO,
    name: str,
    limits: ReadLimits,
    only: Iterable[str] | None = None,
    groups: Sequence[int] | None = None,
) -> Iterator[ArrowRows]:
    """Yield the rows of a Parquet file in batches.

    Parameters
    ----------
    source
        A path, or an open file from anywhere.
    name
        For errors.
    groups
        Row groups to read, a run of neighbours; None for all. Rows are numbered from 1 at the file's first.

    Raises
    ------
    HistoryUnreadable
        If the file as a whole can't be read.
    """
    local = isinstance(source, Path)
    try:
        with pq.ParquetFile(source, memory_map=local) as file:
            schema, metadata = file.schema_arrow, file.metadata
            names = [column for column in schema.names if not column.startswith("__index_level_")]
            if doubled := sorted({column for column in names if names.count(column) > 1}):
                raise HistoryUnreadable(f"{name}: columns that occur twice: {', '.join(doubled)}")
        # Repeated prompts stay one object: a batch of the same 2 MB prompt costs 2 MB.
        texts = [column for column in _TEXTS if column in names and _is_string(schema.field(column).type)]
        with pq.ParquetFile(source, memory_map=local, read_dictionary=texts, metadata=metadata) as file:
            columns = names if only is None else [name for name in names if name in set(only)]
            size, first = _batch_rows(metadata, limits), 1
            if groups:
                first += sum(metadata.row_group(group).num_rows for group in range(groups[0]))
            for batch in file.iter_batches(size, row_groups=groups, columns=columns, use_threads=False):
                yield ArrowRows(batch, first)
                first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise HistoryUnreadable(f"{name}: not readable as Parquet ({str(error).splitlines()[0]})") from error


def _batch_rows(metadata: pq.FileMetaData, limits: ReadLimits) -> int:
    """Return the rows of a batch, from the size of the rows in the file's metadata."""
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    rows = limits.batch_bytes * max(metadata.num_rows, 1) // max(size, 1)
    return max(1, min(limits.batch_rows, int(rows)))


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
