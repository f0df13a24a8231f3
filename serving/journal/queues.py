"""In-memory queues of the journal's thread: bounded for decisions, a future each for reports and deletions."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from serving.journal.decision_draft import DecisionDraft
from serving.journal.rows import DecisionRow, OutcomeRow
from serving.journal.settings import JournalSettings

_log = logging.getLogger("thinkgate.journal")


@dataclass(frozen=True, slots=True)
class PendingReport:
    """Outcomes, and the future that their reporter waits for."""

    rows: tuple[OutcomeRow, ...]
    done: Future[int]


@dataclass(frozen=True, slots=True)
class PendingDeletion:
    """What to delete, and the future that its requester waits for."""

    tenant: str | None
    session_id: str | None
    done: Future[int]


class DecisionQueue:
    """Decisions in order of arrival; a full queue drops and counts further ones.

    Parameters
    ----------
    clock
        Monotonic seconds.
    """

    def __init__(self, settings: JournalSettings, clock: Callable[[], float]) -> None:
        self._settings, self._clock = settings, clock
        self._waiting: deque[DecisionDraft | DecisionRow] = deque()
        self._chars_in = self._chars_out = 0  # one thread adds, another takes: neither counter has two writers
        self._oldest: float | None = None
        self.lost = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, made: DecisionDraft | DecisionRow) -> None:
        """Add a decision, or count it as lost; never waits."""
        chars = made.chars if isinstance(made, DecisionDraft) else 0
        held = self._chars_in - self._chars_out
        if len(self._waiting) >= self._settings.max_queued or held + chars > self._settings.max_queued_chars:
            self.lost += 1
            return
        if self._oldest is None:
            self._oldest = self._clock()
        self._chars_in += chars
        self._waiting.append(made)

    def take(self) -> list[DecisionDraft | DecisionRow]:
        """Remove and return the next batch."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._settings.batch))]
        self._chars_out += sum(made.chars for made in batch if isinstance(made, DecisionDraft))
        self._oldest = self._clock() if self._waiting else None
        return batch

    def rows(self) -> list[DecisionRow]:
        """Build the rows of the next batch; yields to the event loop's thread after each."""
        rows = []
        for made in self.take():
            if isinstance(made, DecisionRow):
                rows.append(made)
                continue
            try:
                rows.append(made.row())
            except Exception as error:  # one bad prompt must not lose its batch
                _log.error("journal: a decision's row could not be built: %s", type(error).__name__)
                self.lost += 1
            time.sleep(0)
        return rows

    @property
    def lag_s(self) -> float:
        """Seconds that the oldest decision has waited."""
        oldest = self._oldest
        return 0.0 if oldest is None else max(0.0, self._clock() - oldest)
