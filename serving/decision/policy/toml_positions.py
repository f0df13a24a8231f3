"""Finds the line number of every key in a valid TOML text, which `tomllib` does not keep."""

from __future__ import annotations

import re
import tomllib
from collections import Counter

KeyPath = tuple[str | int, ...]
"""Keys from the root; an integer is an index into an array."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""\s*("(?:\\.|[^"\\])*"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*""")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:""|")?|' + r"'''.*?'''(?:''|')?" + r"""|"(?:\\.|[^"\\])*"|'[^']*'""", re.DOTALL
)
_BARE = re.compile(r"[^,\]}\n#]+")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Find the line of every key, table header and array item.

    Parameters
    ----------
    text
        TOML that `tomllib` accepts.

    Examples
    --------
    >>> key_lines('a = 1\\n[[b]]\\nc = { d = 2 }\\n')
    {('a',): 1, ('b',): 2, ('b', 0): 2, ('b', 0, 'c'): 3, ('b', 0, 'c', 'd'): 3}
    """
    return _Scan(text).lines


class _Scan:
    """One pass over the text; `at` is the offset to be read next."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[KeyPath, int] = {}
        self._heads: Counter[KeyPath] = Counter()
        table: KeyPath = ()
        self._skip()
        while self.at < len(text):
            if text[self.at] == "[":
                table = self._head()
            else:
                self._pair(table)
            self._skip()

    def _head(self) -> KeyPath:
        double = self.text.startswith("[[", self.at)
        line = self._line()
        self.at += 2 if double else 1
        *outer, last = self._keys()
        self.at += 2 if double else 1
        path: KeyPath = ()
        for key in outer:
            path = self._inside((*path, key))
        path = (*path, last)
        if not double:
            self.lines.setdefault(path, line)
            return path
        index = self._heads[path]
        self._heads[path] += 1
        self.lines.setdefault(path, line)
        self.lines[(*path, index)] = line
        return (*path, index)

    def _inside(self, path: KeyPath) -> KeyPath:
        """Step into the newest item where `path` is an array of tables."""
        return (*path, self._heads[path] - 1) if path in self._heads else path

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self._value(path)

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while found := _KEY.match(self.text, self.at):
            self.at = found.end()
            raw = found[1]
            keys.append(next(iter(tomllib.loads(f"{raw} = 0"))) if raw[0] in "\"'" else raw)
            if not self.text.startswith(".", self.at):
                break
            self.at += 1
        return keys

    def _value(self, path: KeyPath) -> None:
        self._skip()
        opened = self.text[self.at]
        if opened not in "[{":
            found = (_STRING if opened in "\"'" else _BARE).match(self.text, self.at)
            self.at = found.end() if found else len(self.text)
            return
        self.at += 1
        self._skip()
        index = 0
        while self.text[self.at] not in "]}":
            if opened == "[":
                self.lines[(*path, index)] = self._line()
                self._value((*path, index))
            else:
                self._pair(path)
            index += 1
            self._skip()
            if self.text[self.at] == ",":
                self.at += 1
                self._skip()
        self.at += 1

    def _skip(self) -> None:
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1
