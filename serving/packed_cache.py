"""Bounded cache of dataclass values, stored as plain tuples that the garbage collector does not track."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields
from operator import attrgetter
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class PackedCache(Generic[_T]):
    """A bounded cache of dataclasses whose fields are strings, numbers and tuples of these.

    The garbage collector untracks a tuple of strings and numbers the first time it visits it. Thousands of tracked
    objects that live for minutes would be visited again and again, while requests wait.

    Parameters
    ----------
    kind
        The dataclass; its constructor takes the fields in order.
    capacity
        Most values; the oldest are evicted first.

    Examples
    --------
    >>> from serving.decision.types import Caps
    >>> cache = PackedCache(Caps, 2)
    >>> for number, name in enumerate("abc"):
    ...     cache.put(name, Caps(number, 1, 9))
    >>> cache.get("a"), cache.get("c"), len(cache)
    (None, Caps(max_reasoning_tokens=2, max_retries=1, max_total_ms=9), 2)
    """

    __slots__ = ("_capacity", "_kind", "_pack", "_packed")

    def __init__(self, kind: type[_T], capacity: int) -> None:
        self._kind, self._capacity = kind, capacity
        self._pack = attrgetter(*(field.name for field in fields(kind)))  # type: ignore[arg-type]  # a dataclass
        self._packed: OrderedDict[str, tuple[Any, ...]] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._packed)

    def put(self, name: str, value: _T) -> None:
        """Store a value as the newest."""
        packed = self._packed
        packed[name] = self._pack(value)
        packed.move_to_end(name)
        if len(packed) > self._capacity:
            packed.popitem(last=False)

    def get(self, name: str) -> _T | None:
        """Return a value, or None where it is not stored."""
        values = self._packed.get(name)
        return None if values is None else self._kind(*values)
