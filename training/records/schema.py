"""Schema of outcome records: columns, types and ranges, and parsers that report invalid cells."""

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

from training.records.readers import Column, objects
from training.records.row_errors import RowErrors
from training.types import Array, BoolArray

TEXTS: Final = ("prompt", "messages")
IDS: Final = ("request_id", "prompt_id", "session_id", "group")
LABELS: Final = ("arm", "model", "task", "tenant", "failure_mode")
NUMBERS: Final = (
    "success", "propensity", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost_usd",
    "gpu_seconds", "latency_ms", "retries",
)  # fmt: skip
KNOWN: Final = (*IDS, *TEXTS, *LABELS, *NUMBERS, "timestamp")
"""All columns of the outcome record; every other column is carried along."""

FAILURE_MODES: Final = ("verbose_wrong_answer", "task_drift", "timeout", "token_bloat", "false_confidence")
"""Known failure modes. Others are kept and counted: dropping them would bias the training data."""

_MISSING_WORDS: Final = frozenset({"", "null", "none", "na", "n/a", "<na>"})
_BOOLEANS: Final[Mapping[str, float]] = {"true": 1.0, "false": 0.0}
_EPOCH_UNITS: Final = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""(threshold, divisor): an epoch above the threshold is in ns, us or ms."""
_LAST_SECOND: Final = 253_402_300_799.0
"""The end of the year 9999."""
_LABEL_SHOWN: Final = 60
"""Characters of an invalid label that an error message shows."""
_COLUMN_ORDER: Final[Mapping[str, int]] = {name: index for index, name in enumerate((*NUMBERS, "timestamp", "arm"))}
_NUMBER_TYPES: Final = frozenset({int, float, type(None)})


class RangeChecks:
    """Range checks of parsed columns.

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

    def check(self, frame: pd.DataFrame, errors: RowErrors) -> None:
        """Add an error for every cell of a batch (index 0 .. n-1) that is out of range."""
        try:
            self._schema.validate(frame, lazy=True)
        except pandera.errors.SchemaErrors as failure:
            cases = failure.failure_cases  # unordered: a row's first error must be that of its first column
            cases = cases.iloc[np.argsort(cases["column"].map(_COLUMN_ORDER).to_numpy(), kind="stable")]
            for column, kind, value, index in zip(
                cases["column"], cases["check"], cases["failure_case"], cases["index"], strict=True
            ):
                shown = f"{value:g}" if isinstance(value, float) else repr(value)[:_LABEL_SHOWN]
                errors.add(int(index), str(kind), f"{column} is {shown}: {self._cures.get(kind, 'must be 0 or more')}")


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


def read_numbers(column: Column | None, size: int, name: str, errors: RowErrors) -> Array:
    """Parse a column of numbers; float64 (n,), NaN where a cell is empty or invalid.

    Numbers shown as text count; true and false count as a success of 1 and 0. NaN and infinity are errors: unknown
    values must be empty.
    """
    if column is None:
        return np.full(size, np.nan)
    if isinstance(column, pa.Array) and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        values: Array = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        present = column.is_valid().to_numpy(zero_copy_only=False)
        return _finite(np.array(values), present, name, errors)
    cells = objects(column)
    if set(map(type, cells)) <= _NUMBER_TYPES:
        try:
            values = np.array(cells, np.float64)
        except OverflowError:
            pass
        else:
            unknown = np.isnan(values)
            present = ~unknown if not unknown.any() else np.array([cell is not None for cell in cells])
            return _finite(values, present, name, errors)
    return np.array([_number(cell, index, name, errors) for index, cell in enumerate(cells)], np.float64)


def read_labels(column: Column | None, size: int, name: str, errors: RowErrors) -> list[str | None]:
    """Parse a column of labels; None where a cell is empty or invalid. Numbers become text."""
    if column is None:
        return [None] * size
    return [_label(cell, index, name, errors) for index, cell in enumerate(objects(column))]


def read_times(column: Column | None, size: int, errors: RowErrors) -> Array:
    """Parse a column of times; epoch seconds float64 (n,), NaN where a cell is empty or invalid.

    ISO 8601 (UTC where no zone is named) or an epoch in s, ms, us or ns, told apart by its size.
    """
    if column is None:
        return np.full(size, np.nan)
    if isinstance(column, pa.Array) and (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        micros = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        times: Array = micros.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return times / 1e6
    cells = objects(column)
    shown = [index for index, cell in enumerate(cells) if isinstance(cell, str) and not _is_number(cell)]
    values = [None if isinstance(cell, str) and not _is_number(cell) else _instant(cell) for cell in cells]
    seconds = np.array([_number(cell, index, "timestamp", errors) for index, cell in enumerate(values)], np.float64)
    for least, unit in _EPOCH_UNITS:
        seconds = np.where(seconds >= least, seconds / unit, seconds)
    texts = [str(cells[index]).strip() for index in shown]
    parsed = pd.to_datetime(pd.Series(texts, dtype=object), format="ISO8601", utc=True, errors="coerce")
    seconds[shown] = (parsed - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(np.float64)
    for index, text in zip(shown, texts, strict=True):
        if np.isnan(seconds[index]) and text.lower() not in _MISSING_WORDS:
            errors.add(index, "timestamp not readable", "timestamp is neither ISO 8601 nor an epoch number")
    return seconds


def _finite(values: Array, present: BoolArray, name: str, errors: RowErrors) -> Array:
    for index in np.flatnonzero(present & ~np.isfinite(values)):
        _not_finite(int(index), float(values[index]), name, errors)
        values[index] = np.nan
    return values


def _not_finite(index: int, value: float, name: str, errors: RowErrors) -> float:
    if math.isnan(value):
        errors.add(index, f"{name} is NaN", f"{name} is NaN: leave it empty (null) where it is not known")
    else:
        errors.add(index, f"{name} is not finite", f"{name} is infinite: leave it empty (null) where it is not known")
    return math.nan


def _number(cell: object, index: int, name: str, errors: RowErrors) -> float:
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
        value = _BOOLEANS.get(word) if name == "success" else None
        value = _float(word) if value is None and "_" not in word else value
    if value is None:
        kind = type(cell).__name__
        errors.add(index, f"{name} not a number", f"{name} is no number ({kind}): write 12.5, or leave it empty")
        return math.nan
    return value if math.isfinite(value) else _not_finite(index, value, name, errors)


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
    """Convert datetime objects to epoch seconds."""
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=UTC)).timestamp()
    return cell


def _label(cell: object, index: int, name: str, errors: RowErrors) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, str):
        text = cell.strip()
    elif isinstance(cell, int | Decimal) and not isinstance(cell, bool):
        text = str(cell)
    elif isinstance(cell, float) and math.isfinite(cell):
        text = repr(int(cell)) if cell.is_integer() else repr(cell)
    else:
        errors.add(index, f"{name} is not text", f"{name} must be text, not {type(cell).__name__}")
        return None
    return text or None
