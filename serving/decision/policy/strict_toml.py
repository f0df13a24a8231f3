"""Strict TOML reader: reports all errors of a file at once, each with line and key."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from serving.decision.errors import BadInput
from serving.decision.policy.toml_positions import KeyPath, key_lines


class TomlFile:
    """A parsed document that collects errors until `finish` raises them together.

    Parameters
    ----------
    text
        The document.
    source
        Its name in error messages.
    error
        Class of the exception to raise.

    Raises
    ------
    BadInput
        Of the class `error`: the text is not TOML.
    """

    def __init__(self, text: str, source: str, error: type[BadInput]) -> None:
        self._source, self._error = source, error
        self._faults: list[tuple[int, str]] = []
        try:
            self.root = Section(self, (), tomllib.loads(text))
        except tomllib.TOMLDecodeError as fault:
            raise error(_syntax(source, str(fault))) from None
        self._lines = key_lines(text)

    def line(self, path: KeyPath) -> int:
        """Find the line of `path`, or of the nearest table that contains it; 1 for the document."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def fault(self, path: KeyPath, message: str) -> None:
        """Record an error at `path`; the message names the cure."""
        where = self.line(path)
        self._faults.append((where, f"{self._source}, line {where}, {format_key(path)}: {message}"))

    def finish(self) -> None:
        """Raise the recorded errors, if any, in the order of the file."""
        if self._faults:
            raise self._error("\n".join(text for _, text in sorted(self._faults, key=lambda fault: fault[0])))


def read_text(path: Path, error: type[BadInput]) -> str:
    """Read a UTF-8 file, or raise `error` with the cure."""
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as fault:
        raise error(f"{path.name} is not UTF-8 (byte {fault.start}): save it as UTF-8") from None
    except OSError as fault:
        raise error(f"cannot read {path}: {fault.strerror or fault}") from None


def format_key(path: KeyPath) -> str:
    """Format a key path for error messages.

    Examples
    --------
    >>> format_key(("tenant", "acme corp", "rule", 0, "deny"))
    "tenant.'acme corp'.rule[1].deny"
    """
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part + 1}]"
        else:
            key = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else repr(part)
            out += f".{key}" if out else key
    return out or "the file"


class Section:
    """One table of the document; reading a key marks it as known, `close` reports the unknown ones.

    Parameters
    ----------
    file
        Collects the errors.
    path
        Of the table.
    table
        Its content.
    """

    def __init__(self, file: TomlFile, path: KeyPath, table: Mapping[str, object]) -> None:
        self.file, self.path, self._table = file, path, table
        self._known: list[str] = []

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys as written."""
        return tuple(self._table)

    @property
    def line(self) -> int:
        """The line of the table's header."""
        return self.file.line(self.path)

    def has(self, key: str) -> bool:
        """Tell whether the key is present."""
        return key in self._table

    def fault(self, key: str | None, message: str) -> None:
        """Record an error of a key of this table, or of the table itself."""
        self.file.fault(self.path if key is None else (*self.path, key), message)

    def value(self, key: str) -> object:
        """Read a value of any type; None where it is missing."""
        return self._take(key)

    def number(self, key: str, default: float, low: float = 0.0, high: float = math.inf, above: bool = False) -> float:
        """Read a finite number in [low, high], or in (low, high] with `above`; the default where it is missing."""
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(key, f"write a number, not {_kind(value)}")
            return default
        number = float(value)
        if not math.isfinite(number) or number < low or number > high or (above and number == low):
            self.fault(key, f"{value} is outside {'(' if above else '['}{low:g}, {_end(high)}")
            return default
        return number

    def whole(self, key: str, default: int, low: int = 0, high: int = 2**31 - 1) -> int:
        """Read an integer in [low, high]."""
        number = self.number(key, default, low, high)
        if number != int(number):
            self.fault(key, f"{number:g} is not a whole number")
            return default
        return int(number)

    def text(self, key: str, default: str | None = None) -> str:
        """Read a non-empty string; a key without default is required."""
        value = self._take(key)
        if value is None:
            if default is None:
                self.fault(key, "missing: add it")
            return default or ""
        if not isinstance(value, str) or not value.strip():
            self.fault(key, "write a string that is not empty")
            return default or ""
        return value

    def choice(self, key: str, default: str, options: Sequence[str]) -> str:
        """Read one of `options`."""
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, str) and value in options:
            return value
        close = get_close_matches(str(value), options, 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        self.fault(key, f"{value!r} is not known{hint}; choose one of {', '.join(options)}")
        return default

    def flag(self, key: str, default: bool) -> bool:
        """Read true or false."""
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(key, f"write true or false, not {_kind(value)}")
            return default
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """Read a string or a list of strings; () where it is missing."""
        value = self._take(key)
        if value is None:
            return ()
        items = value if isinstance(value, list) else [value]
        if not items or not all(isinstance(item, str) and item for item in items):
            self.fault(key, "write a string, or a list of strings that is not empty")
            return ()
        return tuple(items)

    def section(self, key: str) -> Section:
        """Read a table; an empty one where it is missing."""
        value = self._take(key)
        if value is not None and not isinstance(value, dict):
            self.fault(key, f"write a table, not {_kind(value)}")
            value = None
        return Section(self.file, (*self.path, key), value or {})

    def sections(self, key: str) -> tuple[Section, ...]:
        """Read an array of tables; () where it is missing."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.fault(key, f"write [[{key}]] tables")
            return ()
        return tuple(Section(self.file, (*self.path, key, place), item) for place, item in enumerate(value))

    def close(self) -> None:
        """Record an error for every key that was not read."""
        for key in self._table:
            if key not in self._known:
                close = get_close_matches(key, self._known, 1)
                hint = f" (did you mean {close[0]!r}?)" if close else ""
                self.fault(key, f"unknown key{hint}; known here: {', '.join(sorted(self._known))}")

    def _take(self, key: str) -> object:
        self._known.append(key)
        return self._table.get(key)


def _end(high: float) -> str:
    return "infinity)" if math.isinf(high) else f"{high:g}]"


def _kind(value: object) -> str:
    kinds = {bool: "true or false", str: "a string", int: "a number", float: "a number", list: "a list"}
    return kinds.get(type(value), "a table" if isinstance(value, dict) else "a date")


def _syntax(source: str, fault: str) -> str:
    found = re.search(r"^(.*) \(at line (\d+), column (\d+)\)$", fault, re.DOTALL)
    if found is None:
        return f"{source} is not TOML: {fault}"
    return f"{source}, line {found[2]}: not TOML here (column {found[3]}): {found[1]}"
