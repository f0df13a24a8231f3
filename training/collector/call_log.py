"""Durable log of finished calls (JSONL): a logged call is never made and paid for again."""

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
    """A finished call, as logged.

    Parameters
    ----------
    key
        Prompt, arm and run, or the judge call about an answer.
    asked
        Model and effort, to detect a log of other arms.
    text
        The answer; None where the call failed.
    failure
        Why there is no answer; only `timeout` is an outcome of the arm.
    cost_usd, expected_usd
        Cost of the reported tokens, None where none were reported; and the expected cost.
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
        """Whether the call need not be repeated."""
        return self.failure in (None, "timeout")

    @property
    def billed_usd(self) -> float:
        """Cost to count: 0 for a refused call, the expected cost where the tokens are unknown."""
        if self.cost_usd is not None:
            return self.cost_usd
        return 0.0 if self.failure is not None and self.failure.startswith("status") else self.expected_usd


class CallLog:
    """Finished calls by key, each synced to disk before it counts.

    The file is locked while it is open: one process at a time.
    """

    def __init__(self, file: IO[bytes], calls: dict[str, FinishedCall]) -> None:
        self._file = file
        self.calls: Mapping[str, FinishedCall] = calls
        self._calls = calls

    def append(self, call: FinishedCall) -> None:
        """Append a call and sync it to disk."""
        self._file.write(orjson.dumps(asdict(call), option=orjson.OPT_APPEND_NEWLINE))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._calls[call.key] = call


@contextmanager
def open_call_log(path: Path) -> Iterator[CallLog]:
    """Open a new or existing log; an incomplete last line (a killed process) is truncated.

    Raises
    ------
    TrainingError
        If another collector has it open.
    BadHistory
        If it is not a call log, or can't be written.
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
            file.truncate(end)  # complete except for its line end: not known to be durable
            break
        end += len(line)
        calls[call.key] = call
    file.seek(0, os.SEEK_END)
    return calls
