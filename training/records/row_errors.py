"""What is wrong with the rows of a batch: the first fault of a row is the one that counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row can't be kept.

    Parameters
    ----------
    place
        Its place in the batch.
    kind
        The reason as counted.
    reason
        The reason in words, with the cure; never holds the prompt.
    """

    place: int
    kind: str
    reason: str


class RowErrors:
    """The faults of one batch of n rows."""

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first: dict[int, RowError] = {}

    def note(self, place: int, kind: str, reason: str) -> None:
        """Note a fault, unless the row has one already."""
        self._first.setdefault(place, RowError(place, kind, reason))

    def __contains__(self, place: int) -> bool:
        return place in self._first

    def __len__(self) -> int:
        return len(self._first)

    def __iter__(self) -> Iterator[RowError]:
        """Go through them in the order of the rows."""
        return iter(sorted(self._first.values(), key=lambda fault: fault.place))

    def spared(self, size: int) -> NDArray[np.bool_]:
        """(n,): rows without a fault."""
        spared = np.ones(size, np.bool_)
        spared[list(self._first)] = False
        return spared
