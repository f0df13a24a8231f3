"""Remembers the newest values by name, packed so that the garbage collector has nothing to walk."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")
Atom = str | float | bool | tuple[str, ...] | None


class Newest(Generic[_T]):
    """A bounded memory of dataclasses, kept as tuples of their fields.

    Tuples of strings and numbers fall out of the collector's lists the first time that it meets them. Thousands of
    objects that live for minutes would be walked again and again, while requests wait.

    Parameters
    ----------
    make
        Makes a value of its fields in order.
    most
        Values that are kept; the oldest are forgotten first.

    Examples
    --------
    >>> memory = Newest(complex, 2)
    >>> for name in "abc":
    ...     memory.keep(name, (1.0, 2.0))
    >>> memory.find("a"), memory.find("c"), len(memory)
    (None, (1+2j), 2)
    """

    __slots__ = ("_make", "_most", "_packed")

    def __init__(self, make: Callable[..., _T], most: int) -> None:
        self._make, self._most = make, most
        self._packed: OrderedDict[str, tuple[Atom, ...]] = OrderedDict()

    def __len__(self) -> int:
        """Count what is remembered."""
        return len(self._packed)

    def keep(self, name: str, values: tuple[Atom, ...]) -> None:
        """Remember a value by its fields, as the newest of all."""
        packed = self._packed
        packed[name] = values
        packed.move_to_end(name)
        if len(packed) > self._most:
            packed.popitem(last=False)

    def find(self, name: str) -> _T | None:
        """Give a value, None where it is not remembered."""
        values = self._packed.get(name)
        return None if values is None else self._make(*values)
