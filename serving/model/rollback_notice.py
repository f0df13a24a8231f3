"""Rollback notice in shared memory: tells every worker which bundle an admin rolled back to, and from which."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import Final

_LAYOUT: Final = struct.Struct("<Q64s64s")


@dataclass(frozen=True, slots=True)
class RollbackNotice:
    """A roll back.

    Parameters
    ----------
    number
        Counts up; 0 before the first one.
    chosen, left
        Bundle ids: serve the one, and take the other up no more.
    """

    number: int
    chosen: str
    left: str


class RollbackBoard:
    """Anonymous shared memory, made before workers are forked.

    Of two admins that roll back in the same instant one may overwrite the other; both see in the answer what serves.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _LAYOUT.size)

    def read(self) -> RollbackNotice:
        """Give the newest notice."""
        number, chosen, left = _LAYOUT.unpack_from(self._memory)
        return RollbackNotice(number, _text(chosen), _text(left))

    def post(self, chosen: str, left: str) -> RollbackNotice:
        """Replace it."""
        number = self.read().number + 1
        _LAYOUT.pack_into(self._memory, 0, number, chosen.encode()[:64], left.encode()[:64])
        return RollbackNotice(number, chosen, left)


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")
