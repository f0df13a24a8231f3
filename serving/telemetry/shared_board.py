"""A board in shared memory on which every worker pins what it counts, where all can read it, also after its death."""

from __future__ import annotations

import mmap
import struct
import zlib
from typing import Final

HALF_BYTES: Final = 256 * 1024
"""Largest page that a worker can pin; untouched memory costs nothing."""

_HEAD: Final = struct.Struct("<II")
_TRIES: Final = 5


class SharedBoard:
    """One place for each worker; a parent makes it before it forks them.

    A place has two halves. A worker writes the one that nobody reads, with length and checksum in front, and then turns
    one byte: a reader sees the old page or the new one, and a worker that dies while it writes harms neither.

    Parameters
    ----------
    places
        Number of workers.
    """

    def __init__(self, places: int = 1) -> None:
        self.places = places
        self._memory = mmap.mmap(-1, places + places * 2 * HALF_BYTES)

    def publish(self, place: int, page: bytes) -> bool:
        """Show a page at a place.

        Returns
        -------
        bool
            False where it is too large; the old one stays.
        """
        if len(page) > HALF_BYTES - _HEAD.size:
            return False
        half = 1 - self._memory[place]
        start = self._start(place, half)
        end = start + _HEAD.size
        self._memory[start:end] = _HEAD.pack(len(page), zlib.crc32(page))
        self._memory[end : end + len(page)] = page
        self._memory[place] = half
        return True

    def read(self, place: int) -> bytes:
        """Give the page at a place; empty where none was pinned yet."""
        for _ in range(_TRIES):
            start = self._start(place, self._memory[place])
            length, checksum = _HEAD.unpack(self._memory[start : start + _HEAD.size])
            if length > HALF_BYTES - _HEAD.size:
                continue
            page = self._memory[start + _HEAD.size : start + _HEAD.size + length]
            if zlib.crc32(page) == checksum:
                return page
        return b""

    def _start(self, place: int, half: int) -> int:
        return self.places + (place * 2 + half) * HALF_BYTES
