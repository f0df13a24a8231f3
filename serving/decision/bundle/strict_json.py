"""Reads the fields of a bundle's JSON files strictly: a missing, unknown or wrongly typed one is named and refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import NoReturn, TypeVar

from serving.decision.errors import BundleCorrupt

T = TypeVar("T")


def parse_object(text: str, file: str) -> dict[str, object]:
    """Read one JSON object.

    Parameters
    ----------
    text
        Escaped lone surrogates are let through: prompts may hold them.
    file
        Named in errors.

    Raises
    ------
    BundleCorrupt
        If `text` is no JSON object, nests too deep, or holds NaN or infinity, which JSON does not have.
    """
    try:
        raw = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BundleCorrupt(f"{file}: not valid JSON: export the bundle again, or copy it again in full") from None
    if not isinstance(raw, dict):
        raise BundleCorrupt(f"{file}: not a JSON object: export the bundle again")
    return raw


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


class Fields:
    """The fields of one JSON object; `done` tells that all of them were read.

    Parameters
    ----------
    values
        The object.
    file, where
        Named in errors; `where` is a prefix such as `arms[0].`.
    """

    __slots__ = ("_file", "_unread", "_where", "values")

    def __init__(self, values: dict[str, object], file: str, where: str = "") -> None:
        self.values = values
        self._file = file
        self._where = where
        self._unread = set(values)

    def done(self) -> None:
        """Refuse fields that nobody asked for."""
        if self._unread:
            self.refuse(min(self._unread), "is not a field that this protocol knows")

    def refuse(self, name: str, why: str) -> NoReturn:
        """Raise `BundleCorrupt` for one field."""
        raise BundleCorrupt(f"{self._file}: {self._where}{name} {why}: export the bundle again")

    def text(self, name: str) -> str:
        """Give a string."""
        return self._take(name, str, "a string")

    def flag(self, name: str) -> bool:
        """Give true or false."""
        return self._take(name, bool, "true or false")

    def whole(self, name: str) -> int:
        """Give a whole number from 0 on."""
        value = self._take(name, int, "a whole number")
        if isinstance(value, bool) or value < 0:
            self.refuse(name, "must be a whole number from 0 on")
        return value

    def number(self, name: str) -> float:
        """Give a number as float."""
        value = self._any(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(name, "must be a number")
        try:
            return float(value)
        except OverflowError:
            self.refuse(name, "is too large a number")

    def one_of(self, name: str, choices: Iterable[str]) -> str:
        """Give a string out of a fixed set."""
        value, allowed = self.text(name), tuple(choices)
        if value not in allowed:
            self.refuse(name, f"must be one of {', '.join(allowed)}")
        return value

    def facts(self, name: str) -> dict[str, object]:
        """Give a free object."""
        return self._take(name, dict, "an object")

    def fields(self, name: str) -> Fields:
        """Give an object whose fields are fixed as well."""
        return Fields(self.facts(name), self._file, f"{self._where}{name}.")

    def many(self, name: str) -> tuple[Fields, ...]:
        """Give a list of objects."""
        found = self._take(name, list, "a list of objects")
        if not all(isinstance(item, dict) for item in found):
            self.refuse(name, "must be a list of objects")
        return tuple(Fields(item, self._file, f"{self._where}{name}[{k}].") for k, item in enumerate(found))

    def texts(self, name: str) -> tuple[str, ...]:
        """Give a list of strings."""
        found = self._take(name, list, "a list of strings")
        if not all(isinstance(item, str) for item in found):
            self.refuse(name, "must be a list of strings")
        return tuple(found)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Give a list of numbers as floats."""
        found = self._take(name, list, "a list of numbers")
        if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in found):
            self.refuse(name, "must be a list of numbers")
        return tuple(map(float, found))

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        """Give None of null, else what `read` makes of the field."""
        return None if self._any(name) is None else read(name)

    def _any(self, name: str) -> object:
        if name not in self.values:
            self.refuse(name, "is missing")
        self._unread.discard(name)
        return self.values[name]

    def _take(self, name: str, kind: type[T], described: str) -> T:
        value = self._any(name)
        if not isinstance(value, kind):
            self.refuse(name, f"must be {described}")
        return value
