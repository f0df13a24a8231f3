"""Session table: what the last turn of a conversation was served with, bounded and shared by all workers of a machine.

The table is one block of shared memory, made before the workers are forked: whichever worker gets the next turn knows
the last one. It holds no text and no names, only a hash of tenant and session. Four entries share a bucket, and the
oldest of them makes room. Nobody locks: an entry that two workers write at once fails its checksum, and counts as
unknown.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import Final
from zlib import crc32

from serving.decision import EFFORTS, Effort, EffortHistory

_WAYS: Final = 4
_BODY: Final = Struct("<16s8sIIdBBBB5H5Bx")
_WHOLE: Final = Struct("<16s8sIIdBBBB5H5BxI")
_SIZE: Final = _WHOLE.size
_BUCKET: Final = _SIZE * _WAYS
_EMPTY: Final = bytes(_SIZE)
_MOST_TOKENS: Final = 2**32 - 1
_NO_EFFORT: Final = 255
_MOST_CHANGES: Final = 5
ROOT_BYTES: Final = 8
NO_ROOT: Final = bytes(ROOT_BYTES)


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
    client_effort
        Effort that the client stated with it; None where it stated none.
    client_chose
        The client has changed its effort within the session, so somebody chose it.
    effort_history
        Efforts of the session, where they change inside the conversation; None where they do not.
    root
        Identifies the conversation where nobody named the session, `ROOT_BYTES` long; zeros where somebody did.
    """

    arm: int
    effort: Effort
    input_tokens: int
    at: float
    client_effort: Effort | None = None
    client_chose: bool = False
    root: bytes = NO_ROOT
    effort_history: EffortHistory | None = None


class SessionTable:
    """Last turns by tenant and session.

    Parameters
    ----------
    most
        Sessions that find room, about 70 bytes each; rounded up to whole buckets.
    """

    def __init__(self, most: int = 65_536) -> None:
        self._buckets = max(-(-most // _WAYS), 1)
        # Anonymous and shared: the kernel gives it to children of a fork, and takes it back with the last of them.
        self._memory = mmap.mmap(-1, self._buckets * _BUCKET)

    def find(self, tenant: str | None, session_id: str) -> LastTurn | None:
        """Give the last turn, None where it is not known."""
        return self._find(_key(tenant, session_id))

    def find_turn(self, tenant: str | None, turn: bytes) -> LastTurn | None:
        """Give a turn that nobody named, by the hash of its conversation; None where it is not known."""
        return self._find(_turn_key(tenant, turn))

    def keep_turn(self, tenant: str | None, turn: bytes, last: LastTurn) -> None:
        """Remember a turn that nobody named under the hash of its conversation."""
        self._keep(_turn_key(tenant, turn), last)

    def _find(self, key: bytes) -> LastTurn | None:
        start = self._start(key)
        bucket = self._memory[start : start + _BUCKET]
        for place in range(0, _BUCKET, _SIZE):
            if bucket.startswith(key, place):
                return _read(bucket[place : place + _SIZE])
        return None

    def keep(self, tenant: str | None, session_id: str, turn: LastTurn) -> None:
        """Remember a turn in place of the one before; the oldest entry of the bucket makes room for a new session."""
        self._keep(_key(tenant, session_id), turn)

    def _keep(self, key: bytes, turn: LastTurn) -> None:
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
        stated = _NO_EFFORT if turn.client_effort is None else EFFORTS.index(turn.client_effort)
        tokens = min(turn.input_tokens, _MOST_TOKENS)
        effort = EFFORTS.index(turn.effort)
        history = _packed(turn.effort_history)
        body = _BODY.pack(key, turn.root, turn.arm, tokens, turn.at, effort, stated, turn.client_chose, *history)
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


def _turn_key(tenant: str | None, turn: bytes) -> bytes:
    """Hash whose turn it is; no named session can have this key."""
    return blake2b(turn, digest_size=16, key=b"" if tenant is None else _key(tenant, ""), person=b"turn").digest()


def _read(entry: bytes) -> LastTurn | None:
    _, root, arm, tokens, at, effort, stated, chose, base, *changes, check = _WHOLE.unpack(entry)
    if check != crc32(entry[:-4]) or entry == _EMPTY or effort >= len(EFFORTS):
        return None
    client_effort = EFFORTS[stated] if stated < len(EFFORTS) else None
    history = _unpacked(base, changes)
    return LastTurn(arm, EFFORTS[effort], tokens, at, client_effort, bool(chose), root, history)


def _packed(history: EffortHistory | None) -> tuple[int, ...]:
    """Give the first effort, the places of the changes and their efforts as numbers."""
    changes = () if history is None else history.changes
    places = [place for place, _ in changes] + [0] * (_MOST_CHANGES - len(changes))
    efforts = [EFFORTS.index(effort) for _, effort in changes] + [_NO_EFFORT] * (_MOST_CHANGES - len(changes))
    return (_NO_EFFORT if history is None else EFFORTS.index(history.base), *places, *efforts)


def _unpacked(base: int, changes: Sequence[int]) -> EffortHistory | None:
    if base >= len(EFFORTS):
        return None
    pairs = zip(changes[:_MOST_CHANGES], changes[_MOST_CHANGES:], strict=True)
    return EffortHistory(
        EFFORTS[base], tuple((place, EFFORTS[effort]) for place, effort in pairs if effort < _NO_EFFORT)
    )
