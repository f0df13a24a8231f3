"""Reads CSV records, quoted line ends included; a malformed record does not affect the records after it."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import HistoryUnreadable
from training.records.readers.lines import Line, TextRow, lines, not_utf8, open_text, too_long
from training.records.readers.rows import ReadLimits, UnreadableRow


def csv_rows(path: Path, limits: ReadLimits) -> Iterator[TextRow]:
    """Yield the rows of a CSV file: comma, double quotes, a header; an empty field is a missing value.

    Raises
    ------
    HistoryUnreadable
        If the file as a whole can't be read, or its header can't.
    """
    with open_text(path) as stream, _field_limit(limits.max_row_bytes):
        records = _records(_Feed(lines(stream, limits.max_row_bytes), limits.max_row_bytes), limits.max_row_bytes)
        first = next(records, None)
        if first is None:
            return
        header = _header(first, path)
        for record in records:
            yield TextRow(record.line, _row(record, header), record.size)


class _Record:
    """The fields of one record, or why it can't be parsed."""

    __slots__ = ("consumed", "fields", "line", "size")

    def __init__(self, consumed: list[Line], fields: list[str] | UnreadableRow) -> None:
        self.line = consumed[0].number
        self.fields = fields
        self.consumed = consumed
        self.size = sum(len(line.data) for line in consumed)

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.consumed)


class _Feed:
    """Feeds the csv module with lines; lines that a malformed record consumed can be unread."""

    def __init__(self, source: Iterator[Line], max_bytes: int) -> None:
        self._source = source
        self._back: deque[Line] = deque()
        self._max_bytes = max_bytes
        self._size = 0
        self.consumed: list[Line] = []

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self.peek()
        if line is None or line.truncated or self._size > self._max_bytes:
            raise StopIteration
        self._take()
        return line.data.decode("utf-8", "surrogateescape")

    def peek(self) -> Line | None:
        if not self._back:
            line = next(self._source, None)
            if line is None:
                return None
            self._back.append(line)
        return self._back[0]

    def start(self) -> Line | None:
        """Begin a record at the next line that is not blank."""
        self.consumed, self._size = [], 0
        while (line := self.peek()) is not None and line.blank and not line.truncated:
            self._back.popleft()
        return line

    def _take(self) -> None:
        line = self._back.popleft()
        self._size += len(line.data)
        self.consumed.append(line)

    def skip(self) -> list[Line]:
        self._take()
        return self.consumed

    def unread(self) -> list[Line]:
        """Return all consumed lines but the first to the feed."""
        self._back.extendleft(reversed(self.consumed[1:]))
        self.consumed = self.consumed[:1]
        return self.consumed


def _records(feed: _Feed, max_bytes: int) -> Iterator[_Record]:
    reader = csv.reader(feed, strict=True)
    while (line := feed.start()) is not None:
        if line.truncated:
            yield _Record(feed.skip(), too_long(line, max_bytes))
            continue
        try:
            fields = next(reader)
        except csv.Error as error:
            # The reader's state is lost: the next line starts a new record.
            reader = csv.reader(feed, strict=True)
            consumed = feed.unread()
            reason = f"not CSV ({error}): double the quotes inside a quoted field"
            yield _Record(consumed, UnreadableRow(line.number, "not CSV", reason, consumed[0].text))
        else:
            yield _Record(feed.consumed, fields)


def _row(record: _Record, header: list[str]) -> dict[str, object] | UnreadableRow:
    fields = record.fields
    if isinstance(fields, UnreadableRow):
        return fields
    if len(fields) != len(header):
        reason = f"{len(fields)} fields where the header has {len(header)}: quote fields that hold commas or line ends"
        return UnreadableRow(record.line, "wrong number of fields", reason, record.text)
    if not all(map(_is_text, fields)):
        return not_utf8(record.line, record.text)
    return {name: field or None for name, field in zip(header, fields, strict=True)}


def _header(record: _Record, path: Path) -> list[str]:
    if isinstance(record.fields, UnreadableRow) or not all(map(_is_text, record.fields)):
        raise HistoryUnreadable(f"{path}: the first line is no CSV header: name the columns there, in UTF-8")
    header = [field.strip() for field in record.fields]
    if doubled := sorted({name for name in header if header.count(name) > 1}):
        raise HistoryUnreadable(f"{path}: columns that occur twice in the header: {', '.join(doubled)}")
    return header


def _is_text(field: str) -> bool:
    """Return whether a field was valid UTF-8 (undecodable bytes arrive as lone surrogates)."""
    if field.isascii():
        return True
    try:
        field.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _field_limit(limit: int) -> Iterator[None]:
    """Lift the csv module's own limit on fields (it is process-wide) while a file is read."""
    before = csv.field_size_limit()
    csv.field_size_limit(max(limit * 2, before))
    try:
        yield
    finally:
        csv.field_size_limit(before)
