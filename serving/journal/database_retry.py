"""Database access with exponential backoff: pauses double from 0.1 to 5 seconds while the database is down."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from serving.journal.store import Store

_log = logging.getLogger("thinkgate.journal")
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0


class DatabaseRetry:
    """Runs work on one database with backoff; used by the journal's thread only.

    Parameters
    ----------
    store
        Upgraded to the newest schema before the first work.
    clock
        Monotonic seconds.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._migrated = False
        self._retry_at, self._pause = 0.0, _FIRST_PAUSE_S
        self.healthy = True
        """Whether the last work succeeded."""

    @property
    def is_due(self) -> bool:
        """Whether the pause after the last failure is over."""
        return self._clock() >= self._retry_at

    def run(self, work: Callable[[], object]) -> bool:
        """Run work; returns False where the database is down, and then waits before the next attempt is due."""
        try:
            if not self._migrated:
                self._store.upgrade()
                self._migrated = True
            work()
        except (SQLAlchemyError, OSError) as error:
            if self.healthy:
                _log.warning("journal: the database takes no rows (%s); spooling", type(error).__name__)
            self.healthy = False
            self._retry_at = self._clock() + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE_S)
            return False
        if not self.healthy:
            _log.warning("journal: the database takes rows again")
            self.healthy = True
        self._pause = _FIRST_PAUSE_S
        return True
