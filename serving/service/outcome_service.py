"""Outcome service: acknowledges reported outcomes once they are durable, then notifies sinks."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from serving.decision import BadInput, RecordedDecision, Request
from serving.journal import DecisionRow, Journal, OutcomeRow, build_row
from serving.packed_cache import PackedCache
from serving.service.ports import OutcomeSink

logger = logging.getLogger("thinkgate.outcomes")

_REMEMBERED: Final = 5_000
_SEEN: Final = 50_000
_MAX_LOOKUPS: Final = 64
_QUIET_SECONDS: Final = 10.0


class NoJournal(BadInput):
    """This server keeps no journal, so it can't take outcomes."""


@dataclass(frozen=True, slots=True)
class OutcomeStats:
    """Counts since the start.

    Parameters
    ----------
    accepted
        Outcomes acknowledged, repeats included.
    repeated
        Those of them that said again what was said before; nobody was told of them.
    unknown
        Those of them whose decision nobody knew when they were told.
    contained
        Times that a sink raised.
    """

    accepted: int = 0
    repeated: int = 0
    unknown: int = 0
    contained: int = 0


class RecentDecisions:
    """A `DecisionSink` that remembers the newest decisions without their texts, so that outcomes find them fast.

    Parameters
    ----------
    capacity
        How many.
    """

    def __init__(self, capacity: int = _REMEMBERED) -> None:
        self._known = PackedCache(DecisionRow, capacity)

    def decided(self, request: Request, decided: RecordedDecision) -> None:
        """Remember one."""
        # Neither prompt nor forecast: both are large, and here nobody reads them.
        self._known.put(decided.decision.decision_id, build_row(request, decided))

    def find(self, decision_id: str) -> DecisionRow | None:
        """Give a decision as a row without text and replay; None where it is not remembered."""
        return self._known.get(decision_id)


class OutcomeService:
    """Takes outcomes from every front end; belongs to the event loop's thread.

    Parameters
    ----------
    journal
        Makes them durable; None where the server keeps none.
    recent
        Looked into first for the decision that an outcome speaks of.
    look_up
        Asked in a thread for the rest: decision ids to the decisions that the store knows.
    sinks
        Told of each outcome once it is durable.
    """

    def __init__(
        self,
        journal: Journal | None,
        recent: RecentDecisions,
        look_up: Callable[[Sequence[str]], Sequence[DecisionRow]],
        sinks: Sequence[OutcomeSink] = (),
    ) -> None:
        self._journal, self._recent, self._look_up = journal, recent, look_up
        self._sinks = tuple(sinks)
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lookups: set[asyncio.Task[None]] = set()
        self._quiet_until = 0.0
        self._accepted = self._repeated = self._unknown = self._contained = 0

    @property
    def stats(self) -> OutcomeStats:
        """Read the counters."""
        return OutcomeStats(self._accepted, self._repeated, self._unknown, self._contained)

    async def report(self, rows: Sequence[OutcomeRow], *, deferred: bool = False) -> int:
        """Take outcomes.

        Parameters
        ----------
        deferred
            Nobody waits for the answer, so they may be written together with others.

        Returns
        -------
        int
            How many are durable now: all of them.

        Raises
        ------
        JournalUnavailable
            None could be made durable; the reporter has to come again.
        NoJournal
            The server keeps none.
        """
        if self._journal is None:
            raise NoJournal("this server keeps no journal: start it with --journal sqlite:///journal.db")
        # Shielded: a reporter that gives up must not take its future out of the writer's hands.
        accepted = await asyncio.shield(asyncio.wrap_future(self._journal.report(rows, deferred=deferred)))
        self._accepted += accepted
        if self._sinks:
            self._tell_all([row for row in rows if self._is_news(row)])
        return accepted

    def _is_news(self, row: OutcomeRow) -> bool:
        key = (row.decision_id, row.digest)
        if key in self._seen:
            self._repeated += 1
            return False
        self._seen[key] = None
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)
        return True

    def _tell_all(self, rows: Sequence[OutcomeRow]) -> None:
        strange = []
        for row in rows:
            decision = self._recent.find(row.decision_id)
            if decision is None:
                strange.append(row)
            else:
                self._tell(row, decision)
        if not strange:
            return
        if len(self._lookups) >= _MAX_LOOKUPS:
            for row in strange:
                self._tell(row, None)
            return
        task = asyncio.get_running_loop().create_task(self._tell_strange(strange))
        self._lookups.add(task)
        task.add_done_callback(self._lookups.discard)

    async def _tell_strange(self, rows: Sequence[OutcomeRow]) -> None:
        """Look decisions of other workers and earlier days up; the reporter has its answer already."""
        known: dict[str, DecisionRow] = {}
        try:
            found = await asyncio.to_thread(self._look_up, [row.decision_id for row in rows])
            known = {decision.decision_id: decision for decision in found}
        except Exception as error:
            self._complain("decisions of outcomes can't be looked up", error)
        for row in rows:
            self._tell(row, known.get(row.decision_id))

    def _tell(self, row: OutcomeRow, decision: DecisionRow | None) -> None:
        if decision is None:
            self._unknown += 1
        for sink in self._sinks:
            try:
                sink.reported(row, decision)
            except Exception as error:
                self._contained += 1
                self._complain("a sink failed at an outcome", error)

    def _complain(self, what: str, error: Exception) -> None:
        """Log at most once in ten seconds: while a database is down this comes with every report."""
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_SECONDS
            logger.warning("%s: %s", what, type(error).__name__)
