"""Pieces of files are validated and merged by prompt as on one machine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.training.backends.dask.conftest import records
from training.backends.dask.partition_reader import ROWS_PER_FILE, empty_frame, merge_calls, validate
from training.backends.dask.storage import row_group_pieces
from training.dataset.dataset import group_dataset
from training.records.history import read
from training.synthetic import DEFAULT_ARMS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """20 prompts, of which two rows are rejected and one has no request id."""
    frame = records(20)
    frame["request_id"] = frame["request_id"].astype(object)
    frame.loc[3, "success"] = 5.0
    frame.loc[8, "arm"] = None
    frame.loc[11, "request_id"] = None
    frame.to_parquet(tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def test_rejected_rows_are_counted_and_returned_with_their_lines(file: Path) -> None:
    (piece,) = row_group_pieces(2, str(file))
    found = validate(piece, None)
    assert (found.tally.read, found.tally.without_request_id, found.tally.synthetic) == (40, 1, True)
    assert found.tally.quarantined == {"success out of range": 1, "no arm": 1}
    assert [json.loads(line)["line"] for line in found.tally.bad] == [4, 9]
    assert list(found.frame.columns) == list(empty_frame().columns)
    places = found.frame["place"].to_numpy() - 2 * ROWS_PER_FILE
    assert places.tolist() == [place for place in range(1, 41) if place not in (4, 9)]
    assert found.frame["request_id"].isna().sum() == 1


def test_arms_that_are_not_named_are_rejected(file: Path) -> None:
    (piece,) = row_group_pieces(0, str(file))
    assert set(validate(piece, ("direct",)).frame["arm"]) == {"direct"}


def test_merged_rows_are_the_data_set_of_one_machine_in_any_order(file: Path) -> None:
    (piece,) = row_group_pieces(0, str(file))
    rows = validate(piece, None).frame
    wanted = group_dataset(read(file).frame, DEFAULT_ARMS)
    for frame in (rows, rows.sample(frac=1, random_state=1)):
        found = merge_calls(frame, DEFAULT_ARMS)
        assert found.dataset.prompt_ids.tolist() == wanted.prompt_ids.tolist()
        np.testing.assert_array_equal(found.dataset.success, wanted.success)
        assert (found.facts.rows, found.facts.prompts, found.facts.duplicates) == (38, 20, 0)
        assert found.facts.has_all_arms
        assert found.facts.fingerprint.digest == read(file).digest


def test_a_repeated_request_id_keeps_the_first_row_of_the_files(file: Path) -> None:
    (piece,) = row_group_pieces(0, str(file))
    rows = validate(piece, None).frame
    again = rows.iloc[[5]].assign(place=ROWS_PER_FILE + 1, success=1.0 - rows["success"].iloc[5])
    once, twice = (merge_calls(frame, DEFAULT_ARMS) for frame in (rows, pd.concat([again, rows])))
    assert twice.facts.duplicates == 1
    assert twice.facts.repeats[0].place == ROWS_PER_FILE + 1
    np.testing.assert_array_equal(twice.dataset.success, once.dataset.success)


def test_an_empty_partition_has_no_prompts() -> None:
    found = merge_calls(empty_frame(), DEFAULT_ARMS)
    assert (len(found.dataset), found.facts.rows, found.facts.has_all_arms) == (0, 0, False)
    assert found.facts.start == np.inf
