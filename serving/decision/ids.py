"""Makes decision ids: 26 characters that sort by time, from a clock and a generator that are passed in."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_RANDOM_BITS = 80
_TIME_BITS = 48

Clock = Callable[[], float]
"""Epoch seconds."""


class IdSource:
    """A source of ULIDs: 48 bits of milliseconds, then 80 bits that are random and grow within a millisecond.

    Ids of one source strictly increase, also where the clock steps back. Safe to share between threads.

    Parameters
    ----------
    clock
        Epoch seconds.
    rng
        Of the random part; each process needs its own, seeded by the system as `random.Random()` is.

    Examples
    --------
    >>> ids = Ids(lambda: 1_700_000_000.0, random.Random(7))
    >>> first, second = ids(), ids()
    >>> len(first), first < second, first[:10] == second[:10]
    (26, True, True)
    """

    __slots__ = ("_clock", "_last", "_lock", "_rng")

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock, self._rng = clock, rng
        self._last = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """Make the next id."""
        with self._lock:
            now = max(int(self._clock() * 1000), 0) & ((1 << _TIME_BITS) - 1)
            if now > self._last >> _RANDOM_BITS:
                # The top random bit stays 0: room to count up within the millisecond.
                value = (now << _RANDOM_BITS) | self._rng.getrandbits(_RANDOM_BITS - 1)
            else:
                value = self._last + 1
            self._last = value
        return to_base32(value)


def to_base32(value: int) -> str:
    """Write 128 bits in Crockford's base 32.

    Examples
    --------
    >>> spell(0), spell(31)
    ('00000000000000000000000000', '0000000000000000000000000Z')
    """
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)])


def from_base32(decision_id: str) -> int:
    """Read back what `to_base32` wrote.

    Raises
    ------
    ValueError
        It is no id.

    Examples
    --------
    >>> value_of(spell(2**127 + 5)) == 2**127 + 5
    True
    """
    value = 0
    for letter in decision_id[:27]:
        value = value * 32 + _ALPHABET.index(letter)
    if len(decision_id) != 26 or value >= 1 << (_TIME_BITS + _RANDOM_BITS):
        raise ValueError("no decision id")
    return value


def timestamp_of(decision_id: str) -> float:
    """Give the epoch seconds that an id carries.

    Examples
    --------
    >>> time_of(Ids(lambda: 1_700_000_000.25, random.Random(7))())
    1700000000.25
    """
    value = 0
    for letter in decision_id[:10]:
        value = value * 32 + _ALPHABET.index(letter)
    return value / 1000
