"""Parsers and range checks of cells."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.support.history_files import FORMATS, GOOD, write
from training.records.history import read
from training.records.row_errors import RowErrors
from training.records.schema import NUMBERS, RangeChecks, read_labels, read_numbers, read_times


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("written", "value"), [("1", 1.0), (" 0.5 ", 0.5), (True, 1.0), ("False", 0.0), (None, None), ("null", None)]
)
def test_success_may_be_text_truth_or_unknown(tmp_path: Path, kind: str, written: object, value: float | None) -> None:
    row = {**GOOD, "success": written}
    history = read(write(tmp_path / f"history.{kind}", [row]))
    assert history.counts.quarantined == {}
    assert history.counts.success_unknown == (value is None)
    found = history.frame["success"].iloc[0]
    assert math.isnan(found) if value is None else found == value


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "2026-01-02T05:04:05+02:00", 1767323045, "1767323045",
        1767323045000, 1767323045000000, 1767323045000000000,
    ],
)  # fmt: skip
def test_times_may_be_iso_or_epoch(tmp_path: Path, written: object) -> None:
    history = read(write(tmp_path / "history.jsonl", [{**GOOD, "timestamp": written}]))
    assert history.start == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_invalid_cells_are_nan_and_reported_once() -> None:
    errors = RowErrors()
    values = read_numbers(["1.5", None, "x", math.inf, " 2 ", True, "1_000"], 7, "output_tokens", errors)
    assert np.isnan(values).tolist() == [False, True, True, True, False, True, True]
    assert values[[0, 4]].tolist() == [1.5, 2.0]
    assert [(error.index, error.kind) for error in errors] == [
        (2, "output_tokens not a number"),
        (3, "output_tokens is not finite"),
        (5, "output_tokens not a number"),
        (6, "output_tokens not a number"),
    ]


def test_arrow_and_python_columns_give_the_same_numbers() -> None:
    cells = [1, None, 3]
    arrow = read_numbers(pa.array(cells), 3, "retries", RowErrors())
    np.testing.assert_array_equal(arrow, read_numbers(cells, 3, "retries", RowErrors()))
    assert np.isnan(read_numbers(None, 2, "retries", RowErrors())).all()


def test_numbers_become_labels_and_other_types_are_errors() -> None:
    errors = RowErrors()
    assert read_labels([" a ", 7, 7.0, 7.5, "", None, True, math.nan, ["a"]], 9, "task", errors) == [
        "a", "7", "7", "7.5", None, None, None, None, None,
    ]  # fmt: skip
    assert [error.index for error in errors] == [6, 7, 8]


def test_arrow_timestamps_and_text_give_the_same_times() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    arrow = read_times(pa.array([moment, None], pa.timestamp("ms", "UTC")), 2, RowErrors())
    text = read_times(["2026-01-02T03:04:05Z", None], 2, RowErrors())
    np.testing.assert_array_equal(arrow, text)
    assert text[0] == moment.timestamp()


def test_range_checks_report_the_first_column_of_a_row() -> None:
    frame = pd.DataFrame({name: [np.nan, np.nan, np.nan] for name in (*NUMBERS, "timestamp")})
    frame["arm"] = pd.Series(["direct", "magic", "direct"], dtype=object)
    frame.loc[1, ["success", "retries"]] = [7.0, -1.0]
    frame.loc[2, "propensity"] = 0.0
    errors = RowErrors()
    RangeChecks(["direct"]).check(frame, errors)
    assert [(error.index, error.kind) for error in errors] == [
        (1, "success out of range"),
        (2, "propensity out of range"),
    ]


def test_an_unknown_arm_names_those_there_are() -> None:
    frame = pd.DataFrame(
        {name: [np.nan] for name in (*NUMBERS, "timestamp")} | {"arm": pd.Series(["magic"], dtype=object)}
    )
    errors = RowErrors()
    RangeChecks(["direct", "reasoning"]).check(frame, errors)
    assert [error.reason for error in errors] == [
        "arm is 'magic': the arms are direct, reasoning; add it to arms.toml if it is one"
    ]
    unchecked = RowErrors()
    RangeChecks(None).check(frame, unchecked)
    assert len(unchecked) == 0
