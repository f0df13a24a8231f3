"""Collects validation errors of a batch of rows; only the first error of a row counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.types import BoolArray


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row failed validation.

    Parameters
    ----------
    index
        Index of the row in the batch.
    kind
        The reason as counted.
    reason
        The reason in words, with the cure; never holds the prompt.
    """

    index: int
    kind: str
    reason: str


class RowErrors:
    """The errors of one batch of n rows."""

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first: dict[int, RowError] = {}

    def add(self, index: int, kind: str, reason: str) -> None:
        """Add an error, unless the row has one already."""
        self._first.setdefault(index, RowError(index, kind, reason))

    def __contains__(self, index: int) -> bool:
        return index in self._first

    def __len__(self) -> int:
        return len(self._first)

    def __iter__(self) -> Iterator[RowError]:
        """Iterate in the order of the rows."""
        return iter(sorted(self._first.values(), key=lambda error: error.index))

    def valid_rows(self, size: int) -> BoolArray:
        """Return a mask (n,) of the rows without an error."""
        valid = np.ones(size, np.bool_)
        valid[list(self._first)] = False
        return valid
