"""Counts what each key uses, once for all workers: one number a key, in memory that they share."""

from __future__ import annotations

import math
import mmap
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

PLACES: Final = 16_384
"""Keys that can be counted apart; 128 KiB of memory."""


class RateLimiter:
    """Token buckets in the form of the generic cell rate algorithm.

    A bucket is one number: the moment at which it will be full again. It lies in anonymous shared memory, so a parent
    makes `RateLimiter` before it forks its workers, and all of them spend from the same bucket. Of two workers that
    write in the same instant one may overwrite the other: then a call too many gets through, never one too few.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, PLACES * 8)
        self._full_at = memoryview(self._memory).cast("d")

    def wait(self, place: int, burst_seconds: float, now: float) -> float:
        """Give the seconds until a bucket has room for a call; 0 where it has.

        Parameters
        ----------
        place
            Of the key, as `assign_slots` gave it.
        burst_seconds
            Time in which an empty bucket fills: burst / rate.
        now
            Seconds of a clock that all workers share, such as the system's monotonic one.
        """
        return max(0.0, self._full_at[place] - now - burst_seconds)

    def charge(self, place: int, seconds: float, now: float) -> None:
        """Take from a bucket; it may go below empty, and then others wait longer.

        Parameters
        ----------
        seconds
            Calls / rate.
        """
        self._full_at[place] = max(self._full_at[place], now) + seconds


def assign_slots(key_ids: Iterable[str]) -> Mapping[str, int]:
    """Give each key its place, the same in every worker that reads the same file, whatever it read before.

    Examples
    --------
    >>> assign_slots(["b", "a"]) == assign_slots(["a", "b"])
    True
    """
    given: dict[str, int] = {}
    taken: set[int] = set()
    for key_id in sorted(key_ids)[:PLACES]:
        place = zlib.crc32(key_id.encode()) % PLACES
        while place in taken:
            place = (place + 1) % PLACES
        taken.add(place)
        given[key_id] = place
    return given


def whole_seconds(wait: float) -> int:
    """Round a wait up for a `retry-after` header.

    Examples
    --------
    >>> whole_seconds(0.001), whole_seconds(2.0)
    (1, 2)
    """
    return max(1, math.ceil(wait))
