"""Settings and statistics of the journal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """Limits of the journal writer.

    Parameters
    ----------
    max_queued, max_queued_chars
        Decisions waiting in memory, and the characters of prompt in them; further ones are dropped and counted.
    flush_ms
        How long decisions may wait for a batch; outcomes are written at once.
    retention_days
        Decisions and outcomes older than this are deleted once an hour; None keeps them.
    """

    max_queued: int = 20_000
    max_queued_chars: int = 64 * 2**20
    batch: int = 1000
    flush_ms: float = 50.0
    decision_spool_bytes: int = 256 * 2**20
    outcome_spool_bytes: int = 1024 * 2**20
    retention_days: float | None = None


@dataclass(frozen=True, slots=True)
class JournalStats:
    """Counts since the start.

    Parameters
    ----------
    lost_decisions
        Decisions for which neither database nor spool had room.
    refused_outcomes
        Outcomes for which neither had room; their reports failed.
    rejected
        Rows that the database refuses; they are kept in the spool folder's `rejected.spool`.
    forgotten
        Decisions deleted by age, tenant or session.
    queued, spool_bytes
        Current values.
    lag_s
        Seconds that the oldest decision in memory has waited.
    """

    written_decisions: int = 0
    written_outcomes: int = 0
    spooled: int = 0
    lost_decisions: int = 0
    refused_outcomes: int = 0
    rejected: int = 0
    forgotten: int = 0
    queued: int = 0
    spool_bytes: int = 0
    lag_s: float = 0.0
    healthy: bool = True
