"""Contained failures: rejects decisions with NaN or infinite values, counts and logs what broke, without prompts."""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Callable
from typing import Final

from serving.decision import Decision

logger = logging.getLogger("thinkgate.guard")

_QUIET_NS: Final = 1_000_000_000
"""One log line per second at most, however many decisions fail."""


class NotFiniteError(Exception):
    """The engine answered with NaN or infinity."""


class FailureLog:
    """Counts contained failures and logs at most one line per second; belongs to the event loop's thread.

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


def require_finite(decision: Decision) -> None:
    """Reject a decision that contains NaN or infinity.

    Raises
    ------
    NotFiniteError
        One of its numbers is not finite.
    """
    total = decision.propensity + decision.support
    for estimate in decision.estimates.values():
        total += estimate.success + estimate.cost_usd + estimate.latency_p95_ms + estimate.output_tokens
    if not math.isfinite(total):
        raise NotFiniteError
