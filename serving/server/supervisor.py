"""Supervises several worker processes: forks them, restarts one that dies, drains all of them at the end."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

logger = logging.getLogger("thinkgate.workers")

_WATCHED: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
_TICK_SECONDS: Final = 0.1
_MAX_DEATHS: Final = 5
_DEATHS_WINDOW_SECONDS: Final = 30.0
_KILL_AFTER_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class WorkerStart:
    """Arguments of a new worker process.

    Parameters
    ----------
    number
        0 to workers - 1; a restarted worker keeps its predecessor's.
    lifeline
        File descriptor that reads end-of-file when the parent is gone.
    on_ready
        To be called once, when the worker accepts connections.
    """

    number: int
    lifeline: int
    on_ready: Callable[[], None]


Work = Callable[[WorkerStart], int]
"""What a worker process runs: serves until SIGTERM, and gives the exit code."""


@dataclass(frozen=True, slots=True)
class _Worker:
    number: int
    pid: int
    ready: int


class Supervisor:
    """The parent process of the workers; it loads no model and answers no request.

    Parameters
    ----------
    work
        Runs in each child after the fork.
    count
        How many workers.
    drain_seconds
        How long a worker may take to end before it is killed.
    on_ready
        Called once in the parent, when every worker accepts connections.
    """

    def __init__(self, work: Work, count: int, drain_seconds: float, on_ready: Callable[[], None]) -> None:
        self._work = work
        self._count = count
        self._stop_seconds = drain_seconds + _KILL_AFTER_SECONDS
        self._on_ready = on_ready
        self._workers: dict[int, _Worker] = {}
        self._deaths: deque[float] = deque(maxlen=_MAX_DEATHS)
        self._lifeline = os.pipe()

    def run(self) -> int:
        """Run until SIGTERM or SIGINT, or until the workers can't be kept alive.

        Returns
        -------
        int
            Exit code: 0 after a drain; a worker's own where the first ones did not come up; 1 where they keep dying.
        """
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        try:
            return self._run(mask)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _run(self, mask: set[int | signal.Signals]) -> int:
        for number in range(self._count):
            # One after the other, so that a bundle that can't be served is reported once and not by each worker.
            code = self._await_ready(self._fork(number, mask))
            if code is not None:
                self._stop()
                return code
        self._on_ready()
        while True:
            if self._asked_to_stop(_TICK_SECONDS):
                self._stop()
                return 0
            for worker, status in self._reap():
                if not self._may_restart(worker, status):
                    self._stop()
                    return 1
                self._fork(worker.number, mask)

    def _fork(self, number: int, mask: set[int | signal.Signals]) -> _Worker:
        ready, notify = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.close(ready)
                os.close(self._lifeline[1])
                for sibling in self._workers.values():
                    os.close(sibling.ready)
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                code = self._work(WorkerStart(number, self._lifeline[0], lambda: _notify(notify)))
                sys.stdout.flush()
                sys.stderr.flush()
            except BaseException as error:
                logger.critical("worker %d failed: %s", number, type(error).__name__, exc_info=error)
            finally:
                os._exit(code)
        os.close(notify)
        worker = _Worker(number, pid, ready)
        self._workers[pid] = worker
        return worker

    def _await_ready(self, worker: _Worker) -> int | None:
        """Wait until a worker is ready; give its exit code where it ends instead, 0 where a stop was asked for."""
        while True:
            readable, _, _ = select.select([worker.ready], [], [], 0)
            if readable:
                if os.read(worker.ready, 1):
                    return None
                _, status = os.waitpid(worker.pid, 0)
                self._forget(worker)
                return os.waitstatus_to_exitcode(status) or 1
            if self._asked_to_stop(_TICK_SECONDS / 4):
                return 0

    def _asked_to_stop(self, seconds: float) -> bool:
        caught = signal.sigtimedwait(_WATCHED, seconds)
        return caught is not None and caught.si_signo != signal.SIGCHLD

    def _reap(self) -> Sequence[tuple[_Worker, int]]:
        ended = []
        for worker in tuple(self._workers.values()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._forget(worker)
                ended.append((worker, os.waitstatus_to_exitcode(status)))
        return ended

    def _may_restart(self, worker: _Worker, status: int) -> bool:
        now = time.monotonic()
        self._deaths.append(now)
        if len(self._deaths) == _MAX_DEATHS and now - self._deaths[0] < _DEATHS_WINDOW_SECONDS:
            logger.critical("%d workers died within %.0f s: giving up", _MAX_DEATHS, _DEATHS_WINDOW_SECONDS)
            return False
        logger.error("worker %d (pid %d) ended with %d: starting it again", worker.number, worker.pid, status)
        return True

    def _stop(self) -> None:
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + self._stop_seconds
        while self._workers and time.monotonic() < deadline:
            signal.sigtimedwait({signal.SIGCHLD}, _TICK_SECONDS)
            self._reap()
        if self._workers:
            logger.error("%d workers did not end in time: killing them", len(self._workers))
            self._signal(signal.SIGKILL)
            for worker in tuple(self._workers.values()):
                os.waitpid(worker.pid, 0)
                self._forget(worker)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _forget(self, worker: _Worker) -> None:
        del self._workers[worker.pid]
        os.close(worker.ready)


def _notify(descriptor: int) -> None:
    os.write(descriptor, b"1")
    os.close(descriptor)
