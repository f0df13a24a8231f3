"""Decision ids (ULIDs that sort by time) and prompt ids (hashes of the normalised text).

Clock and random generator are passed in. A prompt id is the one rule by which history, journal and training recognise
the same prompt without storing its text.
"""

from __future__ import annotations

import hashlib
import random
import threading
import unicodedata
from collections.abc import Callable, Iterable

from serving.decision.conversation import clean
from serving.decision.harness import user_messages
from serving.decision.types import Message

PROMPT_ID_BYTES = 16

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_ID_LENGTH = 26
_RANDOM_BITS = 80
_TIME_BITS = 48

Clock = Callable[[], float]
"""Epoch seconds."""


class IdSource:
    """Generates ULIDs: 48 bits of milliseconds, then 80 bits that are random and grow within a millisecond.

    Ids of one source strictly increase, even when the clock steps back. Thread-safe.

    Parameters
    ----------
    clock
        Epoch seconds.
    rng
        For the random part; each process needs its own, seeded by the system as `random.Random()` is.

    Examples
    --------
    >>> ids = IdSource(lambda: 1_700_000_000.0, random.Random(7))
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
        """Generate the next id."""
        with self._lock:
            now = max(int(self._clock() * 1000), 0) & ((1 << _TIME_BITS) - 1)
            if now > self._last >> _RANDOM_BITS:
                # The top random bit stays 0: room to count up within the millisecond.
                number = (now << _RANDOM_BITS) | self._rng.getrandbits(_RANDOM_BITS - 1)
            else:
                number = self._last + 1
            self._last = number
        return to_base32(number)


def to_base32(number: int) -> str:
    """Encode 128 bits in Crockford's base 32.

    Examples
    --------
    >>> to_base32(0), to_base32(31)
    ('00000000000000000000000000', '0000000000000000000000000Z')
    """
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def from_base32(decision_id: str) -> int:
    """Decode what `to_base32` encoded.

    Raises
    ------
    ValueError
        It is not a decision id.

    Examples
    --------
    >>> from_base32(to_base32(2**127 + 5)) == 2**127 + 5
    True
    """
    number = 0
    for letter in decision_id[: _ID_LENGTH + 1]:
        number = number * 32 + _ALPHABET.index(letter)
    if len(decision_id) != _ID_LENGTH or number >= 1 << (_TIME_BITS + _RANDOM_BITS):
        raise ValueError("not a decision id")
    return number


def timestamp_of(decision_id: str) -> float:
    """Decode the epoch seconds of an id.

    Examples
    --------
    >>> timestamp_of(IdSource(lambda: 1_700_000_000.25, random.Random(7))())
    1700000000.25
    """
    milliseconds = 0
    for letter in decision_id[:10]:
        milliseconds = milliseconds * 32 + _ALPHABET.index(letter)
    return milliseconds / 1000


def prompt_id(messages: Iterable[Message]) -> str:
    """Hash a prompt's text, after Unicode NFC and with white space folded, to 32 hex digits.

    Of user turns the user's own words are hashed: what tools put there (the date, open files) changes from call to
    call, and rows that a model reads alike must not be spread over training and evaluation as two prompts.

    Examples
    --------
    >>> prompt_id([Message("user", " two  words")]) == prompt_id([Message("user", "two words")])
    True
    """
    turns = user_messages(tuple(messages))
    texts = (f"{turn.role}\x1f{turn.images}\x1f{turn.tool_calls}\x1f{_normalised(turn.text)}" for turn in turns)
    return hashlib.blake2b("\x1e".join(texts).encode(), digest_size=PROMPT_ID_BYTES).hexdigest()


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", clean(text)).split())
