"""Session table: what the last turn of a conversation was served with, bounded and shared by all workers of a machine.

The table is one block of shared memory, made before the workers are forked: whichever worker gets the next turn knows
the last one. It holds no text and no names, only a hash of tenant and session. Four entries share a bucket, and the
oldest of them makes room. Nobody locks: an entry that two workers write at once fails its checksum, and counts as
unknown.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import Final
from zlib import crc32

from serving.decision import EFFORTS, Effort

_WAYS: Final = 4
_BODY: Final = Struct("<16sIIdBxxx")
_WHOLE: Final = Struct("<16sIIdBxxxI")
_SIZE: Final = _WHOLE.size
_BUCKET: Final = _SIZE * _WAYS
_EMPTY: Final = bytes(_SIZE)
_MOST_TOKENS: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class LastTurn:
    """The last turn of a session.

    Parameters
    ----------
    arm
        Hash of the arm's name, as `arm_key` gives it.
    effort
        That was really sent.
    input_tokens
        Of the whole prompt.
    at
        Epoch seconds.
    """

    arm: int
    effort: Effort
    input_tokens: int
    at: float


class SessionTable:
    """Last turns by tenant and session.

    Parameters
    ----------
    most
        Sessions that find room, about 40 bytes each; rounded up to whole buckets.
    """

    def __init__(self, most: int = 65_536) -> None:
        self._buckets = max(-(-most // _WAYS), 1)
        # Anonymous and shared: the kernel gives it to children of a fork, and takes it back with the last of them.
        self._memory = mmap.mmap(-1, self._buckets * _BUCKET)

    def find(self, tenant: str | None, session_id: str) -> LastTurn | None:
        """Give the last turn, None where it is not known."""
        key = _key(tenant, session_id)
        start = self._start(key)
        bucket = self._memory[start : start + _BUCKET]
        for place in range(0, _BUCKET, _SIZE):
            if bucket.startswith(key, place):
                return _read(bucket[place : place + _SIZE])
        return None

    def keep(self, tenant: str | None, session_id: str, turn: LastTurn) -> None:
        """Remember a turn in place of the one before; the oldest entry of the bucket makes room for a new session."""
        key = _key(tenant, session_id)
        start = self._start(key)
        bucket = self._memory[start : start + _BUCKET]
        chosen, oldest = 0, float("inf")
        for place in range(0, _BUCKET, _SIZE):
            if bucket.startswith(key, place):
                chosen = place
                break
            known = _read(bucket[place : place + _SIZE])
            at = known.at if known is not None else float("-inf")
            if at < oldest:
                chosen, oldest = place, at
        body = _BODY.pack(key, turn.arm, min(turn.input_tokens, _MOST_TOKENS), turn.at, EFFORTS.index(turn.effort))
        self._memory[start + chosen : start + chosen + _SIZE] = body + crc32(body).to_bytes(4, "little")

    def _start(self, key: bytes) -> int:
        return int.from_bytes(key[:8], "little") % self._buckets * _BUCKET


def arm_key(name: str) -> int:
    """Hash an arm's name.

    Examples
    --------
    >>> arm_key("direct") == arm_key("direct") != arm_key("reasoning")
    True
    """
    return crc32(name.encode("utf-8", "replace"))


def _key(tenant: str | None, session_id: str) -> bytes:
    """Hash whose session it is; a tenant can't reach another's, whatever it calls its own."""
    text = "\0" + session_id if tenant is None else f"{len(tenant)}:{tenant}\0{session_id}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _read(entry: bytes) -> LastTurn | None:
    _, arm, tokens, at, effort, check = _WHOLE.unpack(entry)
    if check != crc32(entry[:-4]) or entry == _EMPTY or effort >= len(EFFORTS):
        return None
    return LastTurn(arm, EFFORTS[effort], tokens, at)
