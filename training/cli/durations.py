"""Durations as people write them."""

from __future__ import annotations

from serving.decision.errors import BadInput


def parse_seconds(text: str) -> float:
    """Read a duration.

    Raises
    ------
    BadInput
        It is none.

    Examples
    --------
    >>> seconds("90s"), seconds("30m"), seconds("24h"), seconds("7d"), seconds("0")
    (90.0, 1800.0, 86400.0, 604800.0, 0.0)
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
    number, unit = (text[:-1], text[-1:]) if text[-1:] in units else (text, "s")
    if not number.isdecimal():
        raise BadInput(f"{text!r} is no duration: write 90s, 30m, 24h or 7d")
    return float(number) * units[unit]


def parse_span(text: str) -> float | None:
    """Read a duration, or `all` for no end.

    Raises
    ------
    BadInput
        It is neither.

    Examples
    --------
    >>> span("30d"), span("all")
    (2592000.0, None)
    """
    return None if text == "all" else parse_seconds(text)
