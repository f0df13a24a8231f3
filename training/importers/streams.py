"""Streams rows from files of other tools: JSON lines, one JSON array or document, CSV, Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ijson
import orjson

from training.errors import HistoryMissing, HistoryUnreadable
from training.importers.base import RefusedRow
from training.records.readers import FORMATS, QUARANTINE_SUFFIX, ReadLimits, format_of, open_text, read_rows

_LIMITS: Final = ReadLimits(batch_rows=1024, batch_bytes=1 << 24)
_HEAD: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of a source; `line` is its line, or its position in a JSON array, from 1."""

    source: str
    line: int
    row: Mapping[str, Any]


def files_of(path: Path) -> tuple[Path, ...]:
    """List the files of a path: the file itself, or all files of a folder.

    Raises
    ------
    HistoryMissing, HistoryUnreadable
        If there is none, or one of no known format.
    """
    if path.is_dir():
        found = tuple(
            file
            for file in sorted(path.rglob("*"))
            if file.is_file() and format_of(file) and not file.name.endswith(QUARANTINE_SUFFIX)
        )
        if not found:
            raise HistoryMissing(f"{path}: no file ending in {', '.join(FORMATS)} in this folder")
        return found
    if not path.exists():
        raise HistoryMissing(f"{path}: no such file or folder")
    if path.suffix in (".pkl", ".pickle"):
        parquet = path.with_suffix(".parquet").name
        raise HistoryUnreadable(
            f"{path}: a pickle can run any code, so none is read; if you trust it, convert it yourself:"
            f" python -c \"import pandas; pandas.read_pickle('{path.name}').to_parquet('{parquet}')\""
        )
    if format_of(path) is None:
        raise HistoryUnreadable(f"{path}: unknown format; use one of {', '.join(FORMATS)} (text may be .gz)")
    return (path,)


def rows_of(path: Path, pages: Sequence[str] = ()) -> Iterator[SourceRow | RefusedRow]:
    """Read all rows of a file or folder.

    Parameters
    ----------
    path
        File or folder.
    pages
        Keys that hold the rows of a JSON document, as in pages of an API.

    Raises
    ------
    HistoryMissing, HistoryUnreadable
        If a file is not there or can't be read as a whole.
    """
    for file in files_of(path):
        if format_of(file) == "jsonl" and (prefix := _document(file, pages)):
            yield from _items(file, prefix)
            continue
        for batch in read_rows(file, _LIMITS):
            for unreadable in batch.unreadable:
                yield RefusedRow(str(file), unreadable.line, unreadable.kind, unreadable.reason, unreadable.text)
            for index in range(len(batch)):
                row = batch.row(index)
                page = next((rows for key in pages if isinstance(rows := row.get(key), list)), None)
                for item in [row] if page is None else page:
                    yield _source_row(str(file), int(batch.lines[index]), item)


def _document(file: Path, pages: Sequence[str]) -> str | None:
    """Return the ijson prefix of the rows in a file of one JSON value; None for JSON lines."""
    with open_text(file) as stream:
        head = stream.read(_HEAD).lstrip()
    if head.startswith(b"["):
        return "item"
    line, _, rest = head.partition(b"\n")
    if not head.startswith(b"{") or not rest.strip():
        return None
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        keys = [key for key in pages if f'"{key}"'.encode() in head]
        # A cut or broken first line of JSON lines goes on with another object.
        if rest.lstrip().startswith(b"{"):
            return None
        return f"{keys[0]}.item" if keys else None
    return None


def _items(file: Path, prefix: str) -> Iterator[SourceRow | RefusedRow]:
    index = 0
    try:
        with open_text(file) as stream:
            for index, item in enumerate(ijson.items(stream, prefix, use_float=True), 1):
                yield _source_row(str(file), index, item)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        reason = f"not JSON after {index} rows ({str(error).splitlines()[0]}): is the file cut off?"
        yield RefusedRow(str(file), index + 1, "not JSON", reason, "")


def _source_row(source: str, line: int, item: object) -> SourceRow | RefusedRow:
    if isinstance(item, Mapping):
        return SourceRow(source, line, item)
    return RefusedRow(source, line, "not an object", "a row must be an object with named fields", str(item)[:1000])
