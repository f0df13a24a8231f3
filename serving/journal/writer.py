"""Journal writer: decisions are queued and never wait, outcomes are acknowledged once they are durable.

One thread writes. While the database is up, a batch of both kinds is one transaction. Otherwise rows go to two bounded
spools: a full decision spool drops decision rows and counts them, a full outcome spool fails the report, so that no
acknowledged outcome is lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DataError, IntegrityError

from serving.decision import ThinkgateError
from serving.journal.database_retry import DatabaseRetry
from serving.journal.decision_draft import DecisionDraft
from serving.journal.queues import DecisionQueue, PendingDeletion, PendingReport
from serving.journal.rows import DecisionRow, OutcomeRow
from serving.journal.settings import JournalSettings, JournalStats
from serving.journal.spool import Row, SpoolFolder
from serving.journal.store import Store

_log = logging.getLogger("thinkgate.journal")
_HOUR_S: Final = 3600.0
_ROW_ERRORS: Final = (DataError, IntegrityError, OverflowError, TypeError, ValueError)
"""Errors of a row, not of the database."""


class JournalUnavailable(ThinkgateError):
    """Nothing could be made durable, so nothing was acknowledged: report again later."""


class Journal:
    """Writes decisions and outcomes in a thread of its own.

    Parameters
    ----------
    store
        The database; it need not be up.
    spool_folder
        Where rows wait for it; one folder per process.
    clock, wall_clock
        Monotonic seconds; epoch seconds, for the retention.
    adopted
        Spool folders of processes that no longer exist; their rows are written too.
    """

    def __init__(
        self,
        store: Store,
        spool_folder: Path,
        settings: JournalSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        adopted: Sequence[Path] = (),
    ) -> None:
        self._store = store
        self._settings = settings or JournalSettings()
        self._clock, self._wall_clock = clock, wall_clock
        self._spool = SpoolFolder(spool_folder, self._settings)
        self._spools = (self._spool, *(SpoolFolder(folder, self._settings) for folder in adopted))
        self._queue = DecisionQueue(self._settings, clock)
        self._reports: deque[PendingReport] = deque()
        self._deletions: deque[PendingDeletion] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._stats = JournalStats()
        self._database = DatabaseRetry(store, clock)
        self._next_retention_at = clock()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def store(self) -> Store:
        """The database, for reading."""
        return self._store

    def record(self, made: DecisionDraft | DecisionRow) -> None:
        """Queue a decision; never waits, never raises."""
        self._queue.put(made)

    def report(self, rows: Sequence[OutcomeRow], *, deferred: bool = False) -> Future[int]:
        """Make outcomes durable; the future returns their number once they are, or raises JournalUnavailable.

        Parameters
        ----------
        deferred
            Written with the next batch, within `flush_ms`, instead of at once.
        """
        report = PendingReport(tuple(rows), Future())
        if self._stopping:
            report.done.set_exception(JournalUnavailable("the server is stopping: report the outcome again"))
            return report.done
        self._reports.append(report)
        if not deferred:
            self._wake.set()
        return report.done

    def forget(self, *, tenant: str | None = None, session_id: str | None = None) -> Future[int]:
        """Delete a tenant's or a session's decisions and outcomes, queued and spooled ones included.

        The future returns the number of deleted decisions, or raises JournalUnavailable while the database is down.
        """
        deletion = PendingDeletion(tenant, session_id, Future())
        if tenant is None and session_id is None:
            raise ValueError("name a tenant or a session")
        self._deletions.append(deletion)
        self._wake.set()
        return deletion.done

    def stats(self) -> JournalStats:
        """Read the counters."""
        return replace(
            self._stats,
            healthy=self._database.healthy,
            lost_decisions=self._stats.lost_decisions + self._queue.lost,
            queued=len(self._queue),
            spool_bytes=sum(spool.size for spool in self._spools),
            lag_s=self._queue.lag_s,
        )

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what is queued, to the spool if the database is down, then stop."""
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
                self._apply_retention()
            except Exception as error:  # the thread must survive any fault
                _log.error("journal: %s", type(error).__name__)
            if stopping and not self._queue and not self._reports:
                self._refuse_deletions("the server is stopping")
                return

    def _flush(self) -> None:
        """Write reports and full batches at once, and what remains at the end of the flush interval.

        A transaction per decision would compete with the next decision for the interpreter.
        """
        more = bool(self._queue or self._reports or (self._has_spooled() and self._database.is_due))
        while more:
            decided = self._queue.rows()
            reports = [self._reports.popleft() for _ in range(min(len(self._reports), self._settings.batch))]
            if decided or reports:
                self._write_batch(decided, reports)
            if self._has_spooled() and self._database.is_due:
                self._database.run(self._drain)
            more = bool(
                self._reports
                or len(self._queue) >= self._settings.batch
                or (self._deletions and self._queue)  # the rows to delete may be among them
                or (self._has_spooled() and self._database.is_due)
            )
        if self._deletions and self._database.is_due:
            self._database.run(self._delete)
        elif self._deletions:
            self._refuse_deletions("the database is down")

    def _write_batch(self, decided: list[DecisionRow], reports: list[PendingReport]) -> None:
        """Write a batch, or spool it; then resolve the reports."""
        reported = [row for report in reports for row in report.rows]
        if not self._database.is_due or not self._database.run(lambda: self._append([*decided, *reported])):
            self._spool_rows(decided, reports)
            return
        self._count(written_decisions=len(decided), written_outcomes=len(reported))
        for report in reports:
            report.done.set_result(len(report.rows))

    def _drain(self) -> None:
        """Write one chunk of the spool; new rows are written in between, so a long spool delays no report."""
        for spool in self._spools:
            if spool.drain_some(self._append):
                return

    def _delete(self) -> None:
        while self._deletions:
            deletion = self._deletions[0]
            count = self._store.forget(tenant=deletion.tenant, session_id=deletion.session_id)
            self._count(forgotten=count)
            self._deletions.popleft().done.set_result(count)

    def _refuse_deletions(self, why: str) -> None:
        while self._deletions:
            self._deletions.popleft().done.set_exception(JournalUnavailable(f"{why}: ask again later"))

    def _apply_retention(self) -> None:
        """Delete rows older than the retention period, once an hour."""
        days = self._settings.retention_days
        if days is None or self._clock() < self._next_retention_at or not self._database.is_due:
            return
        before = self._wall_clock() - days * 24.0 * _HOUR_S
        if self._database.run(lambda: self._count(forgotten=self._store.forget(before=before))):
            self._next_retention_at = self._clock() + _HOUR_S

    def _append(self, rows: Sequence[Row]) -> None:
        """Append a mixed batch; a row that the database refuses is set aside alone, without its batch."""
        if not rows:
            return
        decided = [row for row in rows if isinstance(row, DecisionRow)]
        reported = [row for row in rows if isinstance(row, OutcomeRow)]
        try:
            self._store.append(decided, reported)
        except _ROW_ERRORS:
            if len(rows) == 1:
                _log.error("journal: the database refuses a row; it is kept in rejected.spool")
                self._spool.set_aside(rows[0])
                self._count(rejected=1)
                return
            half = len(rows) // 2
            self._append(rows[:half])
            self._append(rows[half:])

    def _spool_rows(self, decided: list[DecisionRow], reports: list[PendingReport]) -> None:
        try:
            self._spool.decisions.append(decided, durable=False)
            self._count(spooled=len(decided))
        except OSError:
            self._count(lost_decisions=len(decided))
        for report in reports:
            try:
                self._spool.outcomes.append(report.rows, durable=True)
            except OSError as error:
                self._count(refused_outcomes=len(report.rows))
                report.done.set_exception(JournalUnavailable(f"no room for the outcome ({error}): report it again"))
            else:
                self._count(spooled=len(report.rows))
                report.done.set_result(len(report.rows))

    def _count(self, **more: int) -> None:
        self._stats = replace(self._stats, **{name: getattr(self._stats, name) + n for name, n in more.items()})

    def _has_spooled(self) -> bool:
        return any(spool.size for spool in self._spools)
