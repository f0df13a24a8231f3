"""Signals that end the gateway, as something to wait for."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Any, Final, Self

_STOP: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopSignals:
    """Counts SIGTERM, SIGINT and SIGHUP while a block runs; the first asks for an orderly end, a second for haste."""

    def __init__(self) -> None:
        self.count = 0
        """Signals that have come."""
        self._read, self._write = os.pipe()
        self._before: dict[signal.Signals, Any] = {}
        self._wakeup = -1

    def __enter__(self) -> Self:
        os.set_blocking(self._write, False)
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in _STOP:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float) -> bool:
        """Wait for at most so long; tell whether any signal has come since the start."""
        if not self.count:
            self.pause(seconds)
        return self.count > 0

    def pause(self, seconds: float) -> None:
        """Wait for so long, or until the next signal comes."""
        readable, _, _ = select.select([self._read], [], [], seconds)
        if readable:
            os.read(self._read, 512)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
