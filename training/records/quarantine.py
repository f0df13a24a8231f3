"""Quarantine of rejected rows: a JSONL file with source, line, reason and content of each."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final

from training.errors import BadHistory

_EXAMPLES: Final = 20
_LINE_ENDS: Final = {ord(mark): f"\\u{ord(mark):04x}" for mark in "\x85\u2028\u2029"}
"""Valid inside JSON strings, but some line readers split there."""


@dataclass(frozen=True, slots=True)
class QuarantinedExample:
    """Where a rejected row is and why; safe to log, since it does not hold the row.

    Parameters
    ----------
    source
        The file.
    line
        Line in the file (Parquet: row number), from 1.
    kind
        The reason as counted.
    reason
        The reason in words, with the cure.
    """

    source: str
    line: int
    kind: str
    reason: str


class Quarantine:
    """A JSONL file of rejected rows, overwritten; without a path, rows are counted and the first are kept as examples.

    Raises
    ------
    BadHistory
        If the file can't be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self.counts: Counter[str] = Counter()
        self.examples: list[QuarantinedExample] = []

    def __enter__(self) -> Quarantine:
        if self._path is not None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")
            except OSError as error:
                raise BadHistory(
                    f"quarantine {self._path}: {error.strerror}; choose a path that can be written"
                ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, example: QuarantinedExample, row: Mapping[str, object] | str) -> None:
        """Add a rejected row; `row` is its text where it could not be parsed."""
        self.counts[example.kind] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(example)
        if self._file is not None:
            entry = {
                "source": example.source,
                "line": example.line,
                "kind": example.kind,
                "reason": example.reason,
                "row": _writable(row),
            }
            text = json.dumps(entry, ensure_ascii=False, allow_nan=False, default=str)
            self._file.write(text.translate(_LINE_ENDS) + "\n")


def _writable(value: object) -> object:
    """Return a value that JSON can represent: NaN and infinity as text, bytes with escapes, keys as text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {str(key): _writable(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_writable(item) for item in value]
    return value
