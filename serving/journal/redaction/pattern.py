"""A pattern of something to mask: an RE2 expression, what must be in a text for it, and a check of what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import re2

_MOST_MEMORY = 32 << 20


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of text to mask.

    Parameters
    ----------
    kind
        What stands in its place, in brackets.
    expression
        RE2 expression with one group: what is masked.
    check
        Tells whether what was found is really of the kind.
    hints
        Texts of which one must occur, as they are; () where any text may match.
    hints_folded
        The same, in lower case.
    """

    kind: str
    expression: str
    check: Callable[[str], bool] | None = None
    hints: tuple[str, ...] = ()
    hints_folded: tuple[str, ...] = ()

    def compile(self) -> re2._Regexp:
        """Compile the expression for UTF-8 bytes."""
        options = re2.Options()
        options.max_mem = _MOST_MEMORY
        options.log_errors = False
        return re2.compile(self.expression.encode(), options)


def needs_variety(found: str) -> bool:
    """Tell whether a text looks made up: a digit or a symbol inside, or mixed case."""
    inner = found.rstrip(".!?)")
    return any(not char.isalpha() for char in inner) or not (inner.islower() or inner.istitle() or inner.isupper())


def needs_digit_and_letters(found: str) -> bool:
    """Tell whether a text has upper-case and lower-case letters and several digits, as random base64 has."""
    digits = sum(char.isdigit() for char in found)
    return digits >= 3 and any(char.islower() for char in found) and sum(char.isupper() for char in found) >= 3


def has_four_digits(found: str) -> bool:
    """Tell whether a text has at least four digits and a letter after its first one."""
    return sum(char.isdigit() for char in found) >= 4


def is_place(found: str) -> bool:
    """Tell whether two numbers are a latitude and a longitude."""
    parts = [part.strip().rstrip("NSEWO° ") for part in found.split(",")]
    latitude, longitude = float(parts[0]), float(parts[1])
    return abs(latitude) <= 90.0 and abs(longitude) <= 180.0
