"""Shared-memory board: each worker publishes a page of its metrics that all workers can read, even after it died."""

from __future__ import annotations

import mmap
import struct
import zlib
from typing import Final

HALF_BYTES: Final = 256 * 1024
"""Bytes of one half, header included; memory that is never written costs nothing."""

_HEADER: Final = struct.Struct("<II")
_MAX_READS: Final = 5


class SharedBoard:
    """One slot per worker, in memory that a parent creates before it forks them.

    A slot is double-buffered. A worker writes the half that is not being read, with length and checksum in front, and
    then flips one byte: a reader sees the old page or the new one, also where the worker dies while it writes.

    Parameters
    ----------
    slots
        Number of workers.
    """

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self._memory = mmap.mmap(-1, slots + slots * 2 * HALF_BYTES)

    def publish(self, slot: int, page: bytes) -> bool:
        """Publish a page in a slot.

        Returns
        -------
        bool
            False where the page is too large; the old one stays.
        """
        if len(page) > HALF_BYTES - _HEADER.size:
            return False
        half = 1 - self._memory[slot]
        start = self._start(slot, half)
        end = start + _HEADER.size
        self._memory[start:end] = _HEADER.pack(len(page), zlib.crc32(page))
        self._memory[end : end + len(page)] = page
        self._memory[slot] = half
        return True

    def read(self, slot: int) -> bytes:
        """Return the page of a slot; empty where none was published yet, or where the newest is damaged."""
        for _ in range(_MAX_READS):
            start = self._start(slot, self._memory[slot])
            length, checksum = _HEADER.unpack(self._memory[start : start + _HEADER.size])
            if length > HALF_BYTES - _HEADER.size:
                continue
            page = self._memory[start + _HEADER.size : start + _HEADER.size + length]
            if zlib.crc32(page) == checksum:
                return page
        return b""

    def _start(self, slot: int, half: int) -> int:
        return self.slots + (slot * 2 + half) * HALF_BYTES
