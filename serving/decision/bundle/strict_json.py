"""Strict JSON parsing: a missing, unknown or wrongly typed field of a bundle file is an error that names the field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import NoReturn, TypeVar

from serving.decision.errors import BundleCorrupt

T = TypeVar("T")


def parse_object(text: str, file: str) -> dict[str, object]:
    """Parse one JSON object.

    Parameters
    ----------
    text
        Escaped lone surrogates are accepted: prompts may contain them.
    file
        Named in errors.

    Raises
    ------
    BundleCorrupt
        If `text` is no JSON object, nests too deep, or holds NaN or infinity, which JSON does not have.
    """
    try:
        raw = json.loads(text, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise BundleCorrupt(f"{file}: not valid JSON: export the bundle again, or copy it again in full") from None
    if not isinstance(raw, dict):
        raise BundleCorrupt(f"{file}: not a JSON object: export the bundle again")
    return raw


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(name)


class FieldReader:
    """Reads the fields of one JSON object by type; `finish` rejects those that were not read.

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

    def finish(self) -> None:
        """Reject fields that were not read.

        Raises
        ------
        BundleCorrupt
            There is one; the first by name is named.
        """
        if self._unread:
            self.fail(min(self._unread), "is not a field that this protocol knows")

    def fail(self, name: str, why: str) -> NoReturn:
        """Raise `BundleCorrupt` for one field."""
        raise BundleCorrupt(f"{self._file}: {self._where}{name} {why}: export the bundle again")

    def string(self, name: str) -> str:
        """Read a string."""
        return self._take_typed(name, str, "a string")

    def boolean(self, name: str) -> bool:
        """Read true or false."""
        return self._take_typed(name, bool, "true or false")

    def integer(self, name: str) -> int:
        """Read a whole number from 0 on."""
        value = self._take_typed(name, int, "a whole number")
        if isinstance(value, bool) or value < 0:
            self.fail(name, "must be a whole number from 0 on")
        return value

    def number(self, name: str) -> float:
        """Read a number as float."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(name, "must be a number")
        try:
            return float(value)
        except OverflowError:
            self.fail(name, "is too large a number")

    def choice(self, name: str, choices: Iterable[str]) -> str:
        """Read a string out of a fixed set."""
        value, allowed = self.string(name), tuple(choices)
        if value not in allowed:
            self.fail(name, f"must be one of {', '.join(allowed)}")
        return value

    def free_object(self, name: str) -> dict[str, object]:
        """Read an object with any fields."""
        return self._take_typed(name, dict, "an object")

    def nested(self, name: str) -> FieldReader:
        """Read an object whose fields are fixed."""
        return FieldReader(self.free_object(name), self._file, f"{self._where}{name}.")

    def nested_list(self, name: str) -> tuple[FieldReader, ...]:
        """Read a list of objects whose fields are fixed."""
        items = self._take_typed(name, list, "a list of objects")
        if not all(isinstance(item, dict) for item in items):
            self.fail(name, "must be a list of objects")
        return tuple(FieldReader(item, self._file, f"{self._where}{name}[{k}].") for k, item in enumerate(items))

    def strings(self, name: str) -> tuple[str, ...]:
        """Read a list of strings."""
        items = self._take_typed(name, list, "a list of strings")
        if not all(isinstance(item, str) for item in items):
            self.fail(name, "must be a list of strings")
        return tuple(items)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Read a list of numbers as floats."""
        items = self._take_typed(name, list, "a list of numbers")
        if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in items):
            self.fail(name, "must be a list of numbers")
        return tuple(map(float, items))

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        """Read null as None, and any other value with `read`, a method of this reader."""
        return None if self._take(name) is None else read(name)

    def _take(self, name: str) -> object:
        if name not in self.values:
            self.fail(name, "is missing")
        self._unread.discard(name)
        return self.values[name]

    def _take_typed(self, name: str, kind: type[T], described: str) -> T:
        value = self._take(name)
        if not isinstance(value, kind):
            self.fail(name, f"must be {described}")
        return value
