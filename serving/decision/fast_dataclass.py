"""Makes frozen dataclasses cheap to build, for the decision path: the same class, with another `__init__`.

The `__init__` that `dataclasses` writes for a frozen class calls `object.__setattr__` once for each field, which costs
more than all else in it. Here the instance belongs to a twin with the same slots while it is filled, so plain
assignments do, and to its own class from then on. `docs/adr/0086-values-that-are-quick-to-build.md` has the figures.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

_T = TypeVar("_T")


def quick(cls: type[_T]) -> type[_T]:
    """Give a frozen, slotted dataclass a faster `__init__`; put it above `@dataclass(frozen=True, slots=True)`.

    Parameters
    ----------
    cls
        Without a base and without `__post_init__`.

    Raises
    ------
    TypeError
        `cls` is something else.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @quick
    ... @dataclass(frozen=True, slots=True)
    ... class Point:
    ...     x: float
    ...     y: float = 0.0
    >>> Point(1.0), Point(y=2.0, x=1.0) == Point(1.0, 2.0)
    (Point(x=1.0, y=0.0), True)
    """
    settings = getattr(cls, "__dataclass_params__", None)
    slots = cls.__dict__.get("__slots__")
    if settings is None or not settings.frozen or slots is None or cls.__bases__ != (object,):
        raise TypeError(f"{cls.__name__} is no frozen, slotted dataclass without bases")
    if hasattr(cls, "__post_init__"):
        raise TypeError(f"{cls.__name__} has a __post_init__, which would not be called")
    own = [field for field in fields(cls) if field.init]  # type: ignore[arg-type]  # checked above
    twin = type(f"{cls.__name__}Unsealed", (), {"__slots__": slots})
    names: dict[str, Any] = {"_set": object.__setattr__, "_cls": cls, "_twin": twin, "_missing": MISSING}
    parameters = [_parameter(field, names) for field in own]
    lines = [
        f"def __init__(self, {', '.join(parameters)}):",
        " _set(self, '__class__', _twin)",
        *(f" self.{field.name} = {_value(field)}" for field in own),
        " self.__class__ = _cls",
    ]
    exec("\n".join(lines), names)  # noqa: S102  # only names of fields go in, as in `dataclasses`
    made = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = dict(cls.__init__.__annotations__)
    setattr(cls, "__init__", made)  # noqa: B010  # mypy does not let a method be assigned
    return cls


def _parameter(field: Field[Any], names: dict[str, Any]) -> str:
    if field.default is not MISSING:
        names[f"_default_{field.name}"] = field.default
        return f"{field.name}=_default_{field.name}"
    if field.default_factory is not MISSING:
        names[f"_make_{field.name}"] = field.default_factory
        return f"{field.name}=_missing"
    return field.name


def _value(field: Field[Any]) -> str:
    if field.default_factory is MISSING:
        return field.name
    return f"_make_{field.name}() if {field.name} is _missing else {field.name}"
