"""Rate limiter: one token bucket per API key, in memory that all workers share."""

from __future__ import annotations

import math
import mmap
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

SLOTS: Final = 16_384
"""Most keys that can have a bucket; 128 KiB of memory."""


class RateLimiter:
    """Token buckets in the form of the generic cell rate algorithm.

    A bucket is one number: the time at which it will be full again. It is kept in anonymous shared memory, so a parent
    creates the `RateLimiter` before it forks its workers, and all of them use the same buckets. When two workers write
    at the same instant, one update may be lost: then one call too many is allowed, never one too few.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SLOTS * 8)
        self._full_at = memoryview(self._memory).cast("d")

    def delay_s(self, slot: int, burst_seconds: float, now: float) -> float:
        """Return the seconds until a bucket has room for a call; 0 where it has now.

        Parameters
        ----------
        slot
            The key's, as assigned by `assign_slots`.
        burst_seconds
            Time in which an empty bucket fills: burst / rate.
        now
            Seconds of a clock that all workers share, such as the system's monotonic one.
        """
        return max(0.0, self._full_at[slot] - now - burst_seconds)

    def charge(self, slot: int, seconds: float, now: float) -> None:
        """Take tokens from a bucket; it may go below empty, and later calls then wait longer.

        Parameters
        ----------
        seconds
            Calls / rate.
        """
        self._full_at[slot] = max(self._full_at[slot], now) + seconds


def assign_slots(key_ids: Iterable[str]) -> Mapping[str, int]:
    """Assign a slot to each key; every worker that reads the same keys file assigns the same slots.

    Examples
    --------
    >>> assign_slots(["b", "a"]) == assign_slots(["a", "b"])
    True
    """
    slots: dict[str, int] = {}
    taken: set[int] = set()
    for key_id in sorted(key_ids)[:SLOTS]:
        slot = zlib.crc32(key_id.encode()) % SLOTS
        while slot in taken:
            slot = (slot + 1) % SLOTS
        taken.add(slot)
        slots[key_id] = slot
    return slots


def whole_seconds(delay_s: float) -> int:
    """Round a delay up for a `retry-after` header.

    Examples
    --------
    >>> whole_seconds(0.001), whole_seconds(2.0)
    (1, 2)
    """
    return max(1, math.ceil(delay_s))
