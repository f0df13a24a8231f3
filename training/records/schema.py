"""The outcome record's columns: what each may hold, how it is read, and what is wrong with a cell that can't be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from numpy.typing import NDArray

from training.records.readers.rows import Column, objects
from training.records.row_errors import RowErrors

TEXTS: Final = ("prompt", "messages")
IDS: Final = ("request_id", "prompt_id", "session_id")
LABELS: Final = ("arm", "model", "task", "tenant", "failure_mode")
NUMBERS: Final = (
    "success", "propensity", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost_usd",
    "gpu_seconds", "latency_ms", "retries",
)  # fmt: skip
KNOWN: Final = (*IDS, *TEXTS, *LABELS, *NUMBERS, "timestamp")
"""All columns of the outcome record; every other column is carried along."""

FAILURE_MODES: Final = ("verbose_wrong_answer", "task_drift", "timeout", "token_bloat", "false_confidence")
"""The taxonomy. Another mode is kept and counted: to drop it would drop failures, and bias what is learnt."""

_MISSING_WORDS: Final = frozenset({"", "null", "none", "na", "n/a", "<na>"})
_TRUTH: Final[Mapping[str, float]] = {"true": 1.0, "false": 0.0}
_EPOCH_UNITS: Final = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""An epoch above the first number is in this fraction of a second: ns, us, ms."""
_LAST_SECOND: Final = 253_402_300_799.0
"""The end of the year 9999."""
_WRITTEN: Final = 60
"""Characters of a faulty label that a reason shows."""
_PLACES: Final[Mapping[str, int]] = {name: place for place, name in enumerate((*NUMBERS, "timestamp", "arm"))}
_PLAIN: Final = frozenset({int, float, type(None)})


class Rules:
    """The ranges of parsed columns.

    Parameters
    ----------
    arms
        The arms that may occur; None to take any.
    """

    def __init__(self, arms: Sequence[str] | None) -> None:
        known = [] if arms is None else [pandera.Check.isin(list(arms), error="unknown arm")]
        self._schema = pandera.DataFrameSchema({**_ranges(), "arm": pandera.Column(object, known, nullable=True)})
        self._cures = {
            "success out of range": "must be from 0 to 1, or empty while it is not known",
            "propensity out of range": "must be above 0 and at most 1",
            "timestamp out of range": "must lie between 1970 and 9999",
            "unknown arm": f"the arms are {', '.join(arms or ())}; add it to arms.toml if it is one",
        }

    def check(self, frame: pd.DataFrame, faults: RowErrors) -> None:
        """Note every cell of a batch (numbered 0 .. n-1) that breaks a rule."""
        try:
            self._schema.validate(frame, lazy=True)
        except pandera.errors.SchemaErrors as errors:
            cases = errors.failure_cases  # in no order: the first column's fault is to be a row's first
            cases = cases.iloc[np.argsort(cases["column"].map(_PLACES).to_numpy(), kind="stable")]
            for column, kind, value, place in zip(
                cases["column"], cases["check"], cases["failure_case"], cases["index"], strict=True
            ):
                written = f"{value:g}" if isinstance(value, float) else repr(value)[:_WRITTEN]
                faults.note(
                    int(place), str(kind), f"{column} is {written}: {self._cures.get(kind, 'must be 0 or more')}"
                )


def _ranges() -> dict[str, pandera.Column]:
    ranges = {
        name: pandera.Column(float, pandera.Check.ge(0, error=f"negative {name}"), nullable=True) for name in NUMBERS
    }
    share = pandera.Check.in_range(0, 1, error="success out of range")
    chance = pandera.Check.in_range(0, 1, include_min=False, error="propensity out of range")
    instant = pandera.Check.in_range(0, _LAST_SECOND, error="timestamp out of range")
    ranges["success"] = pandera.Column(float, share, nullable=True)
    ranges["propensity"] = pandera.Column(float, chance, nullable=True)
    ranges["timestamp"] = pandera.Column(float, instant, nullable=True)
    return ranges


def read_numbers(column: Column | None, size: int, name: str, faults: RowErrors) -> NDArray[np.float64]:
    """Read a column of numbers; float64 (n,), NaN where a cell is empty or faulty.

    Numbers written as text count; true and false count as a success of 1 and 0. NaN and infinity are faults: what is
    not known is empty.
    """
    if column is None:
        return np.full(size, np.nan)
    if isinstance(column, pa.Array) and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        given = column.is_valid().to_numpy(zero_copy_only=False)
        return _finite(np.array(values), given, name, faults)
    cells = objects(column)
    if set(map(type, cells)) <= _PLAIN:
        try:
            values = np.array(cells, np.float64)
        except OverflowError:
            pass
        else:
            unknown = np.isnan(values)
            given = ~unknown if not unknown.any() else np.array([cell is not None for cell in cells])
            return _finite(values, given, name, faults)
    return np.array([_number(cell, place, name, faults) for place, cell in enumerate(cells)], np.float64)


def read_labels(column: Column | None, size: int, name: str, faults: RowErrors) -> list[str | None]:
    """Read a column of short texts; None where a cell is empty or faulty. Numbers become their text."""
    if column is None:
        return [None] * size
    return [_label(cell, place, name, faults) for place, cell in enumerate(objects(column))]


def read_times(column: Column | None, size: int, faults: RowErrors) -> NDArray[np.float64]:
    """Read a column of times; epoch seconds float64 (n,), NaN where a cell is empty or faulty.

    ISO 8601 (UTC where no zone is named) or an epoch in s, ms, us or ns, told apart by its size.
    """
    if column is None:
        return np.full(size, np.nan)
    if isinstance(column, pa.Array) and (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        micros = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        times: NDArray[np.float64] = micros.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return times / 1e6
    cells = objects(column)
    written = [place for place, cell in enumerate(cells) if isinstance(cell, str) and not _is_number(cell)]
    values = [None if isinstance(cell, str) and not _is_number(cell) else _instant(cell) for cell in cells]
    seconds = np.array([_number(cell, place, "timestamp", faults) for place, cell in enumerate(values)], np.float64)
    for least, unit in _EPOCH_UNITS:
        seconds = np.where(seconds >= least, seconds / unit, seconds)
    texts = [str(cells[place]).strip() for place in written]
    parsed = pd.to_datetime(pd.Series(texts, dtype=object), format="ISO8601", utc=True, errors="coerce")
    seconds[written] = (parsed - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(np.float64)
    for place, text in zip(written, texts, strict=True):
        if np.isnan(seconds[place]) and text.lower() not in _MISSING_WORDS:
            faults.note(place, "timestamp not readable", "timestamp is neither ISO 8601 nor an epoch number")
    return seconds


def _finite(values: NDArray[np.float64], given: NDArray[np.bool_], name: str, faults: RowErrors) -> NDArray[np.float64]:
    for place in np.flatnonzero(given & ~np.isfinite(values)):
        _not_finite(int(place), float(values[place]), name, faults)
        values[place] = np.nan
    return values


def _not_finite(place: int, value: float, name: str, faults: RowErrors) -> float:
    if math.isnan(value):
        faults.note(place, f"{name} is NaN", f"{name} is NaN: leave it empty (null) where it is not known")
    else:
        faults.note(place, f"{name} is not finite", f"{name} is infinite: leave it empty (null) where it is not known")
    return math.nan


def _number(cell: object, place: int, name: str, faults: RowErrors) -> float:
    if cell is None:
        return math.nan
    value: float | None = None
    if isinstance(cell, bool | np.bool_):
        value = float(cell) if name == "success" else None
    elif isinstance(cell, int | float | Decimal):
        value = _float(cell)
    elif isinstance(cell, str):
        word = cell.strip().lower()
        if word in _MISSING_WORDS:
            return math.nan
        value = _TRUTH.get(word) if name == "success" else None
        value = _float(word) if value is None and "_" not in word else value
    if value is None:
        kind = type(cell).__name__
        faults.note(place, f"{name} not a number", f"{name} is no number ({kind}): write 12.5, or leave it empty")
        return math.nan
    return value if math.isfinite(value) else _not_finite(place, value, name, faults)


def _float(cell: str | float | Decimal) -> float | None:
    try:
        return float(cell)
    except OverflowError:
        return math.inf
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    return _float(text) is not None


def _instant(cell: object) -> object:
    """Turn Python's own times into an epoch."""
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=UTC)).timestamp()
    return cell


def _label(cell: object, place: int, name: str, faults: RowErrors) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, str):
        text = cell.strip()
    elif isinstance(cell, int | Decimal) and not isinstance(cell, bool):
        text = str(cell)
    elif isinstance(cell, float) and math.isfinite(cell):
        text = repr(int(cell)) if cell.is_integer() else repr(cell)
    else:
        faults.note(place, f"{name} is not text", f"{name} must be text, not {type(cell).__name__}")
        return None
    return text or None
