"""Reads numbered lines of a text file, plain or gzipped, up to a maximum length."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from training.errors import HistoryUnreadable
from training.records.readers.rows import DictRows, ReadLimits, UnreadableRow

Stream: TypeAlias = "io.BufferedReader[gzip.GzipFile | io.BufferedReader]"

_HEAD: Final = 4096
_GZIP: Final = b"\x1f\x8b"
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_FOREIGN_MARKS: Final[Mapping[bytes, str]] = {
    b"\xff\xfe\x00\x00": "UTF-32LE",
    b"\x00\x00\xfe\xff": "UTF-32BE",
    b"\xff\xfe": "UTF-16LE",
    b"\xfe\xff": "UTF-16BE",
}
_TRUNCATED_BYTES: Final = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Parameters
    ----------
    number
        From 1.
    data
        Its bytes, line end included.
    truncated
        The line was longer than the limit and `data` is only its beginning.
    """

    number: int
    data: bytes
    truncated: bool = False

    @property
    def text(self) -> str:
        """The line as text for a quarantine file; bytes that are not UTF-8 are escaped."""
        return self.data.decode("utf-8", "backslashreplace").rstrip("\r\n")

    @property
    def blank(self) -> bool:
        """Whether the line holds only white space."""
        return not self.data.strip()


@contextmanager
def open_text(path: Path) -> Iterator[Stream]:
    """Open a text file as bytes, its byte order mark skipped.

    Raises
    ------
    HistoryUnreadable
        If it can't be opened or is not UTF-8 as a whole.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == _GZIP
            stream = io.BufferedReader(gzip.GzipFile(fileobj=raw) if packed else raw)
            _require_utf8(stream.peek(_HEAD)[:_HEAD], path)
            if stream.peek(3)[:3] == _UTF8_MARK:
                stream.read(3)
            yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise HistoryUnreadable(f"{path}: gzip stream damaged or cut off ({error}): fetch the file again") from error
    except OSError as error:
        raise HistoryUnreadable(f"{path}: {error.strerror or error}") from error


def lines(stream: Stream, max_bytes: int) -> Iterator[Line]:
    """Yield the numbered lines of a stream; longer ones than `max_bytes` are truncated."""
    number = 0
    while data := stream.readline(max_bytes):
        number += 1
        if len(data) < max_bytes or data.endswith(b"\n"):
            yield Line(number, data)
            continue
        rest = data
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(1 << 20)
        yield Line(number, data[:_TRUNCATED_BYTES], truncated=True)


def too_long(line: Line, max_bytes: int) -> UnreadableRow:
    """Build the error row for a line over the limit."""
    reason = f"line of more than {max_bytes} bytes; only its first {_TRUNCATED_BYTES} are kept here"
    return UnreadableRow(line.number, "row too long", reason, line.text)


def not_utf8(line: int, text: str) -> UnreadableRow:
    """Build the error row for a row that is not UTF-8."""
    return UnreadableRow(
        line, "not UTF-8", "bytes that are not UTF-8: convert, for instance iconv -f LATIN1 -t UTF-8", text
    )


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row of a text file: its columns, or why it can't be parsed.

    Parameters
    ----------
    line
        Line in the file, from 1.
    size
        Bytes.
    """

    line: int
    row: Mapping[str, object] | UnreadableRow
    size: int


def batches(text_rows: Iterable[TextRow], limits: ReadLimits) -> Iterator[DictRows]:
    """Group rows into batches that stay within the limits."""
    rows: list[Mapping[str, object]] = []
    line_numbers: list[int] = []
    unreadable: list[UnreadableRow] = []
    size = 0
    for item in text_rows:
        size += item.size
        if isinstance(item.row, UnreadableRow):
            unreadable.append(item.row)
        else:
            rows.append(item.row)
            line_numbers.append(item.line)
        if len(rows) + len(unreadable) >= limits.batch_rows or size >= limits.batch_bytes:
            yield DictRows(rows, line_numbers, unreadable)
            rows, line_numbers, unreadable, size = [], [], [], 0
    if rows or unreadable:
        yield DictRows(rows, line_numbers, unreadable)


def _require_utf8(head: bytes, path: Path) -> None:
    encoding = next((name for mark, name in _FOREIGN_MARKS.items() if head.startswith(mark)), None)
    if encoding:
        raise HistoryUnreadable(f"{path}: written as {encoding}; convert it: iconv -f {encoding} -t UTF-8")
    if head.startswith(b"PAR1"):
        raise HistoryUnreadable(f"{path}: this is Parquet; name it .parquet")
    if head.count(0) > len(head) // 4:
        raise HistoryUnreadable(f"{path}: not UTF-8 text (UTF-16 or binary); convert it: iconv -f UTF-16 -t UTF-8")
