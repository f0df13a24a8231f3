"""Arguments, option types and parsers that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serving.decision import BadInput

Records = Annotated[list[str], typer.Argument(help="Outcome records: Parquet, JSONL or CSV files, folders or globs.")]
Bundle = Annotated[Path, typer.Argument(help="Bundle folder that `thinkgate train` wrote.")]
Arms = Annotated[Path | None, typer.Option(help="arms.toml; without it the arms are taken from the records.")]
Cache = Annotated[Path | None, typer.Option(help="Folder for distilled encoders. Default: ~/.cache/thinkgate.")]


def require_records(paths: list[str]) -> None:
    """Fail on paths that match no file before anything slow is imported.

    Raises
    ------
    HistoryMissing, HistoryUnreadable
        As reading the records would.
    """
    from training.records.readers import find_files

    find_files(paths)


def parse_seconds(text: str) -> float:
    """Parse a duration such as 90s, 30m, 24h or 7d into seconds.

    Raises
    ------
    BadInput
        The text is no duration.

    Examples
    --------
    >>> parse_seconds("90s"), parse_seconds("30m"), parse_seconds("24h"), parse_seconds("7d"), parse_seconds("0")
    (90.0, 1800.0, 86400.0, 604800.0, 0.0)
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
    number, unit = (text[:-1], text[-1:]) if text[-1:] in units else (text, "s")
    if not number.isdecimal():
        raise BadInput(f"{text!r} is no duration: write 90s, 30m, 24h or 7d")
    return float(number) * units[unit]


def parse_span(text: str) -> float | None:
    """Parse a duration into seconds, or `all` into None.

    Raises
    ------
    BadInput
        The text is neither.

    Examples
    --------
    >>> parse_span("30d"), parse_span("all")
    (2592000.0, None)
    """
    return None if text == "all" else parse_seconds(text)
