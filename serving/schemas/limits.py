"""Limits on the size of a request, the same for every API that reads one."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits on a request body.

    Parameters
    ----------
    max_bytes
        Largest body that is read.
    seconds
        Longest time that it may take to arrive.
    """

    max_bytes: int = 2 * 2**20
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits on one call.

    Parameters
    ----------
    max_messages
        Longest conversation that is read.
    max_batch
        Most requests in one batch.
    max_outcomes
        Most outcomes in one report.
    """

    body: BodyLimits = field(default_factory=BodyLimits)
    max_messages: int = 1000
    max_batch: int = 256
    max_outcomes: int = 1000
