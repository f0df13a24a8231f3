"""The way into the journal: decisions are queued and never wait, outcomes wait until they are durable.

One thread writes. While the database takes rows, a batch of both kinds is one transaction. Otherwise rows go to
two bounded spools; a full decision spool loses decision rows, counted; a full outcome spool refuses the report, so that
what was acknowledged is never lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from serving.decision.errors import ThinkgateError
from serving.journal.rows import DecisionRow, OutcomeRow
from serving.journal.spool import Row, Spool
from serving.journal.store import Store

_log = logging.getLogger(__name__)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0


class JournalUnavailable(ThinkgateError):
    """An outcome could be made durable nowhere; it was not acknowledged: report it again later."""


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """Bounds of the writer.

    Parameters
    ----------
    max_queued
        Decision rows waiting in memory; more are lost, counted.
    flush_ms
        How long decision rows may wait for company; outcomes never do.
    """

    max_queued: int = 20_000
    batch: int = 1000
    flush_ms: float = 50.0
    decision_spool_bytes: int = 256 * 2**20
    outcome_spool_bytes: int = 1024 * 2**20


@dataclass(frozen=True, slots=True)
class JournalStats:
    """Counts since the start.

    Parameters
    ----------
    lost_decisions
        Decision rows that found no room anywhere.
    rejected
        Rows that the database will never take.
    queued, spool_bytes
        Right now.
    lag_s
        Age of the oldest decision row that waits in memory.
    """

    written_decisions: int = 0
    written_outcomes: int = 0
    spooled: int = 0
    lost_decisions: int = 0
    rejected: int = 0
    queued: int = 0
    spool_bytes: int = 0
    lag_s: float = 0.0
    healthy: bool = True


@dataclass(frozen=True, slots=True)
class _Report:
    rows: tuple[OutcomeRow, ...]
    done: Future[int]


class Journal:
    """Takes decisions and outcomes while the server runs.

    Parameters
    ----------
    store
        The database; it need not be up.
    spool_folder
        Where rows wait for it; one folder a process.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        store: Store,
        spool_folder: Path,
        settings: JournalSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        spool_folder.mkdir(parents=True, exist_ok=True)
        self._store = store
        self._settings = settings or JournalSettings()
        self._clock = clock
        self._decision_spool = Spool(spool_folder / "decisions.spool", DecisionRow, self._settings.decision_spool_bytes)
        self._outcome_spool = Spool(spool_folder / "outcomes.spool", OutcomeRow, self._settings.outcome_spool_bytes)
        self._decided: deque[DecisionRow] = deque()
        self._reported: deque[_Report] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._stats = JournalStats()
        self._lost = 0
        self._oldest: float | None = None
        self._migrated = False
        self._retry_at, self._pause = 0.0, _FIRST_PAUSE_S
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def record(self, row: DecisionRow) -> None:
        """Queue a decision; never waits, never raises."""
        if len(self._decided) >= self._settings.max_queued:
            self._lost += 1
            return
        if self._oldest is None:
            self._oldest = self._clock()
        self._decided.append(row)

    def report(self, rows: Sequence[OutcomeRow]) -> Future[int]:
        """Make outcomes durable; the future gives their number once they are, or JournalUnavailable."""
        done: Future[int] = Future()
        if self._stopping:
            done.set_exception(JournalUnavailable("the server is stopping: report the outcome again"))
            return done
        self._reported.append(_Report(tuple(rows), done))
        self._wake.set()
        return done

    def stats(self) -> JournalStats:
        """Read the counters."""
        oldest = self._oldest
        return replace(
            self._stats,
            lost_decisions=self._stats.lost_decisions + self._lost,
            queued=len(self._decided),
            spool_bytes=self._decision_spool.size + self._outcome_spool.size,
            lag_s=0.0 if oldest is None else max(0.0, self._clock() - oldest),
        )

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what is queued (to the spool if need be), then stop."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout_s)
        self._store.close()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._settings.flush_ms / 1000)
            self._wake.clear()
            stopping = self._stopping
            try:
                self._flush()
            except Exception as error:  # the thread must outlive any surprise
                _log.error("journal: %s", type(error).__name__)
            if stopping and not self._decided and not self._reported:
                return

    def _flush(self) -> None:
        while self._decided or self._reported or (self._spooled() and self._may_try()):
            decided = [self._decided.popleft() for _ in range(min(len(self._decided), self._settings.batch))]
            reports = [self._reported.popleft() for _ in range(min(len(self._reported), self._settings.batch))]
            self._oldest = self._clock() if self._decided else None
            reported = [row for report in reports for row in report.rows]
            if not self._may_try() or not self._write(decided, reported):
                self._spool(decided, reports)
                continue
            for report in reports:
                report.done.set_result(len(report.rows))

    def _write(self, decided: list[DecisionRow], reported: list[OutcomeRow]) -> bool:
        try:
            if not self._migrated:
                self._store.upgrade()
                self._migrated = True
            self._decision_spool.drain(lambda rows: self._append_any(rows))
            self._outcome_spool.drain(lambda rows: self._append_any(rows))
            self._append_any([*decided, *reported])
        except (SQLAlchemyError, OSError) as error:
            if self._stats.healthy:
                _log.warning("journal: the database takes no rows (%s); spooling", type(error).__name__)
            self._stats = replace(self._stats, healthy=False)
            self._retry_at = self._clock() + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE_S)
            return False
        if not self._stats.healthy:
            _log.warning("journal: the database takes rows again")
        self._pause = _FIRST_PAUSE_S
        written = self._stats.written_decisions + len(decided)
        known = self._stats.written_outcomes + len(reported)
        self._stats = replace(self._stats, healthy=True, written_decisions=written, written_outcomes=known)
        return True

    def _append_any(self, rows: Sequence[Row]) -> None:
        """Append a mixed batch; a row that the database will never take is rejected alone, not with its batch."""
        decided = [row for row in rows if isinstance(row, DecisionRow)]
        reported = [row for row in rows if isinstance(row, OutcomeRow)]
        if not rows:
            return
        try:
            self._store.append(decided, reported)
        except (DataError, IntegrityError):
            if len(rows) == 1:
                _log.error("journal: the database refuses a row; it is rejected")
                self._stats = replace(self._stats, rejected=self._stats.rejected + 1)
                return
            half = len(rows) // 2
            self._append_any(rows[:half])
            self._append_any(rows[half:])

    def _spool(self, decided: list[DecisionRow], reports: list[_Report]) -> None:
        try:
            self._decision_spool.append(decided, durable=False)
            self._stats = replace(self._stats, spooled=self._stats.spooled + len(decided))
        except OSError:
            self._stats = replace(self._stats, lost_decisions=self._stats.lost_decisions + len(decided))
        for report in reports:
            try:
                self._outcome_spool.append(report.rows, durable=True)
            except OSError as error:
                report.done.set_exception(JournalUnavailable(f"no room for the outcome ({error}): report it again"))
            else:
                self._stats = replace(self._stats, spooled=self._stats.spooled + len(report.rows))
                report.done.set_result(len(report.rows))

    def _may_try(self) -> bool:
        return self._clock() >= self._retry_at

    def _spooled(self) -> bool:
        return bool(self._decision_spool.size or self._outcome_spool.size)
