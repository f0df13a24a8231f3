"""Counts and logs what a decision went on without: one line a second at most, and never a word of a prompt."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Final

logger = logging.getLogger("thinkgate.guard")

_QUIET_NS: Final = 1_000_000_000
"""One log line per second at most, however many decisions fail."""


class FailureLog:
    """Belongs to the event loop's thread, as the guard does.

    Parameters
    ----------
    clock_ns
        Monotonic nanoseconds.
    """

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._quiet_until_ns = clock_ns()
        self._unlogged = 0
        self.contained = 0
        """Times that a source or a sink raised, and the decision went on without it."""

    def contain(self, error: Exception) -> None:
        """Count a failure beside a decision, and log it."""
        self.contained += 1
        self.log(error)

    def log(self, error: Exception) -> None:
        """Log where it broke, never the message: it may quote the prompt."""
        self._unlogged += 1
        now = self._clock_ns()
        if now < self._quiet_until_ns:
            return
        place = traceback.extract_tb(error.__traceback__)[-1]
        logger.error(
            "%d failure(s) contained, no decision failed: %s in %s, line %s",
            self._unlogged,
            type(error).__name__,
            place.name,
            place.lineno,
        )
        self._unlogged = 0
        self._quiet_until_ns = now + _QUIET_NS
