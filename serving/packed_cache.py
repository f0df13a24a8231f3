"""Remembers the newest values by name, packed so that the garbage collector has nothing to walk."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields
from operator import attrgetter
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class PackedCache(Generic[_T]):
    """A bounded memory of dataclasses of strings, numbers and tuples of such, kept as tuples of their fields.

    Tuples of strings and numbers fall out of the collector's lists the first time that it meets them. Thousands of
    objects that live for minutes would be walked again and again, while requests wait.

    Parameters
    ----------
    kind
        The dataclass; it takes its fields in order.
    most
        Values that are kept; the oldest are forgotten first.

    Examples
    --------
    >>> from serving.decision.types import Caps
    >>> cache = PackedCache(Caps, 2)
    >>> for place, name in enumerate("abc"):
    ...     cache.put(name, Caps(place, 1, 9))
    >>> cache.get("a"), cache.get("c"), len(cache)
    (None, Caps(max_reasoning_tokens=2, max_retries=1, max_total_ms=9), 2)
    """

    __slots__ = ("_kind", "_most", "_pack", "_packed")

    def __init__(self, kind: type[_T], most: int) -> None:
        self._kind, self._most = kind, most
        self._pack = attrgetter(*(field.name for field in fields(kind)))  # type: ignore[arg-type]  # a dataclass
        self._packed: OrderedDict[str, tuple[Any, ...]] = OrderedDict()

    def __len__(self) -> int:
        """Count what is remembered."""
        return len(self._packed)

    def put(self, name: str, value: _T) -> None:
        """Remember a value, as the newest of all."""
        packed = self._packed
        packed[name] = self._pack(value)
        packed.move_to_end(name)
        if len(packed) > self._most:
            packed.popitem(last=False)

    def get(self, name: str) -> _T | None:
        """Give a value, None where it is not remembered."""
        values = self._packed.get(name)
        return None if values is None else self._kind(*values)
