"""Lets work on a thread of its own give way: while it holds the interpreter, requests wait."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

_T = TypeVar("_T")

_PAUSE_SECONDS: Final = 0.0005


def yielding_gil(items: Iterable[_T], turn: int) -> Iterator[_T]:
    """Give items one by one, with a pause after each `turn` of them.

    A thread that wants the interpreter back asks for it after the switch interval, and a request gives it up and waits
    for it several times; where a turn takes a tenth of a millisecond, nobody has to ask.

    Examples
    --------
    >>> list(yielding_gil("abcde", 2))
    ['a', 'b', 'c', 'd', 'e']
    """
    for place, item in enumerate(items, 1):
        yield item
        if place % turn == 0:
            time.sleep(_PAUSE_SECONDS)
