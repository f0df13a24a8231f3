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
from dataclasses import replace
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DataError, IntegrityError

from serving.decision.errors import ThinkgateError
from serving.journal.database_retry import DatabaseRetry
from serving.journal.decision_draft import DecisionDraft
from serving.journal.queues import DecisionQueue, PendingDeletion, PendingReport
from serving.journal.rows import DecisionRow, OutcomeRow
from serving.journal.settings import JournalSettings, JournalStats
from serving.journal.spool import Row, SpoolFolder
from serving.journal.store import Store

_log = logging.getLogger("thinkgate.journal")
_HOUR_S: Final = 3600.0
_NEVER_TAKEN: Final = (DataError, IntegrityError, OverflowError, TypeError, ValueError)
"""Faults of a row, not of the database."""


class JournalUnavailable(ThinkgateError):
    """Nothing could be made durable, so nothing was acknowledged: report it again later."""


class Journal:
    """Takes decisions and outcomes while the server runs.

    Parameters
    ----------
    store
        The database; it need not be up.
    spool_folder
        Where rows wait for it; one folder a process.
    clock, wall_clock
        Monotonic seconds; epoch seconds, for the retention.
    adopted
        Spool folders of processes that are no more; what they hold is written too.
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
        self._decided = DecisionQueue(self._settings, clock)
        self._reported: deque[PendingReport] = deque()
        self._deletions: deque[PendingDeletion] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._stats = JournalStats()
        self._database = DatabaseRetry(store, clock)
        self._sweep_at = clock()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def store(self) -> Store:
        """The database, for reading."""
        return self._store

    def record(self, made: DecisionDraft | DecisionRow) -> None:
        """Queue a decision; never waits, never raises."""
        self._decided.put(made)

    def report(self, rows: Sequence[OutcomeRow], *, patient: bool = False) -> Future[int]:
        """Make outcomes durable; the future gives their number once they are, or JournalUnavailable.

        Parameters
        ----------
        patient
            Nobody waits for it: written with what else comes within `flush_ms`, not in a transaction of its own.
        """
        report = PendingReport(tuple(rows), Future())
        if self._stopping:
            report.done.set_exception(JournalUnavailable("the server is stopping: report the outcome again"))
            return report.done
        self._reported.append(report)
        if not patient:
            self._wake.set()
        return report.done

    def forget(self, *, tenant: str | None = None, session_id: str | None = None) -> Future[int]:
        """Delete a tenant's or a session's decisions and outcomes, those that still wait included.

        The future gives the number of decisions deleted, or JournalUnavailable while the database is down.
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
            lost_decisions=self._stats.lost_decisions + self._decided.lost,
            queued=len(self._decided),
            spool_bytes=sum(spool.size for spool in self._spools),
            lag_s=self._decided.lag_s,
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
                self._sweep()
            except Exception as error:  # the thread must outlive any surprise
                _log.error("journal: %s", type(error).__name__)
            if stopping and not self._decided and not self._reported:
                self._turn_away_deletions("the server is stopping")
                return

    def _flush(self) -> None:
        """Write what waits: reporters and full batches at once, a few decisions not before more have come.

        Each would be a transaction of its own otherwise, beside the next decision in the same interpreter.
        """
        more = bool(self._decided or self._reported or (self._spooled() and self._database.is_due))
        while more:
            decided = self._decided.rows()
            reports = [self._reported.popleft() for _ in range(min(len(self._reported), self._settings.batch))]
            if decided or reports:
                self._settle(decided, reports)
            if self._spooled() and self._database.is_due:
                self._database.run(self._drain)
            more = bool(
                self._reported
                or len(self._decided) >= self._settings.batch
                or (self._deletions and self._decided)  # what is to be forgotten may be among them
                or (self._spooled() and self._database.is_due)
            )
        if self._deletions and self._database.is_due:
            self._database.run(self._delete)
        elif self._deletions:
            self._turn_away_deletions("the database takes no orders")

    def _settle(self, decided: list[DecisionRow], reports: list[PendingReport]) -> None:
        """Write a batch, or keep it on disk; then answer its reporters."""
        reported = [row for report in reports for row in report.rows]
        if not self._database.is_due or not self._database.run(lambda: self._append_any([*decided, *reported])):
            self._keep_on_disk(decided, reports)
            return
        self._count(written_decisions=len(decided), written_outcomes=len(reported))
        for report in reports:
            report.done.set_result(len(report.rows))

    def _drain(self) -> None:
        """Write one chunk of what waits on disk; fresh rows come in between, so a long spool delays no reporter."""
        for spool in self._spools:
            if spool.drain_some(self._append_any):
                return

    def _delete(self) -> None:
        while self._deletions:
            order = self._deletions[0]
            count = self._store.forget(tenant=order.tenant, session_id=order.session_id)
            self._count(forgotten=count)
            self._deletions.popleft().done.set_result(count)

    def _turn_away_deletions(self, why: str) -> None:
        while self._deletions:
            self._deletions.popleft().done.set_exception(JournalUnavailable(f"{why}: ask again later"))

    def _sweep(self) -> None:
        """Delete what is older than the retention, once an hour."""
        if self._settings.retention_days is None or self._clock() < self._sweep_at or not self._database.is_due:
            return
        before = self._wall_clock() - self._settings.retention_days * 24.0 * _HOUR_S
        if self._database.run(lambda: self._count(forgotten=self._store.forget(before=before))):
            self._sweep_at = self._clock() + _HOUR_S

    def _append_any(self, rows: Sequence[Row]) -> None:
        """Append a mixed batch; a row that the database will never take is set aside alone, not with its batch."""
        if not rows:
            return
        decided = [row for row in rows if isinstance(row, DecisionRow)]
        reported = [row for row in rows if isinstance(row, OutcomeRow)]
        try:
            self._store.append(decided, reported)
        except _NEVER_TAKEN:
            if len(rows) == 1:
                _log.error("journal: the database refuses a row; it is kept in rejected.spool")
                self._spool.set_aside(rows[0])
                self._count(rejected=1)
                return
            half = len(rows) // 2
            self._append_any(rows[:half])
            self._append_any(rows[half:])

    def _keep_on_disk(self, decided: list[DecisionRow], reports: list[PendingReport]) -> None:
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

    def _spooled(self) -> bool:
        return any(spool.size for spool in self._spools)
