"""Dataclass decorator for the decision path: frozen for the type checker, cheap to construct at run time.

The `__init__` of a frozen dataclass calls `object.__setattr__` once per field, which takes several times as long as
plain assignments. So immutability is left to `mypy --strict`, which reports every assignment to a field as an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def fast_dataclass(cls: type[_T]) -> type[_T]:
    """Make a slotted dataclass that is hashed by value and whose fields the type checker holds read-only.

    Examples
    --------
    >>> @fast_dataclass
    ... class Point:
    ...     x: float
    ...     y: float = 0.0
    >>> Point(1.0), Point(y=2.0, x=1.0) == Point(1.0, 2.0), len({Point(1.0), Point(1.0)})
    (Point(x=1.0, y=0.0), True, 1)
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
