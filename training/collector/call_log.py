"""The log of finished calls: a call that is in it is never paid for twice, whatever happens to the collector."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from training.errors import BadHistory, TrainingError


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """A call that came to an end.

    Parameters
    ----------
    key
        Prompt, arm and run, or what a judge was asked about them.
    asked
        Model and effort, so that a log of other arms is noticed.
    text
        The answer; None where the call failed.
    failure
        Why there is no answer; `timeout` is an outcome of the arm, all else is not.
    cost_usd, expected_usd
        What the reported tokens cost, None where none were reported; and the forecast.
    """

    key: str
    asked: str
    text: str | None
    failure: str | None
    model: str | None
    input_tokens: int | None
    cached_input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    expected_usd: float
    latency_ms: float
    retries: int
    timestamp: float

    @property
    def settled(self) -> bool:
        """Whether the call need not be made again."""
        return self.failure in (None, "timeout")

    @property
    def billed_usd(self) -> float:
        """What to count for it: a refused call is free, one of unknown tokens is taken to cost what was forecast."""
        if self.cost_usd is not None:
            return self.cost_usd
        return 0.0 if self.failure is not None and self.failure.startswith("status") else self.expected_usd


class CallLog:
    """Finished calls by key; each is on the disk before it counts.

    One process at a time: the file is locked while it is open.
    """

    def __init__(self, file: IO[bytes], calls: dict[str, FinishedCall]) -> None:
        self._file = file
        self.calls: Mapping[str, FinishedCall] = calls
        self._calls = calls

    def put(self, call: FinishedCall) -> None:
        """Write a call and wait until it is durable."""
        self._file.write(orjson.dumps(asdict(call), option=orjson.OPT_APPEND_NEWLINE))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._calls[call.key] = call


@contextmanager
def open_call_log(path: Path) -> Iterator[CallLog]:
    """Open a log, new or to be gone on with; a line that a kill cut off is cut away, its call was never finished.

    Raises
    ------
    TrainingError
        If another collector is writing to it.
    BadHistory
        If it is something else, or can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b")
    except OSError as error:
        raise BadHistory(f"{path}: {error.strerror}; choose a path that can be written") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TrainingError(
                f"{path}: another collector is writing here; wait for it, or name another --log"
            ) from None
        yield CallLog(file, _read(file, path))


def _read(file: IO[bytes], path: Path) -> dict[str, FinishedCall]:
    calls: dict[str, FinishedCall] = {}
    end = 0
    file.seek(0)
    for line in file:
        try:
            raw: dict[str, Any] = orjson.loads(line)
            call = FinishedCall(**raw)
        except (orjson.JSONDecodeError, TypeError) as error:
            if line.endswith(b"\n"):
                raise BadHistory(f"{path}: not the log of a collector; name another file with --log") from error
            file.truncate(end)
            break
        if not line.endswith(b"\n"):
            file.truncate(end)  # whole but for its line end: not proven durable, and the next line must not touch it
            break
        end += len(line)
        calls[call.key] = call
    file.seek(0, os.SEEK_END)
    return calls
