"""Every row of every worker is kept or quarantined."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.training.backends.dask.conftest import records
from training.backends.dask.partition_reader import RowTally, ValidatedRows, merge_calls, validate
from training.backends.dask.row_accounting import account_rows, append_duplicates, require_all_arms, write_quarantine
from training.backends.dask.storage import row_group_pieces
from training.errors import BadHistory, TooLittleToLearn
from training.records.history import read
from training.synthetic import DEFAULT_ARMS


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """Two files; the second repeats a row of the first, and each has a row that is rejected."""
    frame = records(20)
    frame.loc[3, "success"] = 5.0
    frame.loc[30, "success"] = -1.0
    halves = (frame.iloc[:20], pd.concat([frame.iloc[20:], frame.iloc[[7]]]))
    for name, half in zip("ab", halves, strict=True):
        half.to_parquet(tmp_path / f"{name}.parquet")
    return tuple(str(tmp_path / f"{name}.parquet") for name in "ab")


def validated(files: tuple[str, ...]) -> list[ValidatedRows]:
    return [validate(piece, None) for number, file in enumerate(files) for piece in row_group_pieces(number, file)]


def tallies(files: tuple[str, ...]) -> list[RowTally]:
    return [one.tally for one in validated(files)]


def test_counts_are_those_of_one_machine(files: tuple[str, ...]) -> None:
    pieces = validated(files)
    facts = [merge_calls(pd.concat([one.frame for one in pieces], ignore_index=True), DEFAULT_ARMS).facts]
    found, wanted = account_rows(files, [one.tally for one in pieces], facts, None), read(files)
    assert found.counts == wanted.counts
    assert found.counts.read == found.counts.kept + sum(found.counts.quarantined.values()) == 41
    assert (found.digest, found.start, found.end, found.synthetic) == (
        wanted.digest,
        wanted.start,
        wanted.end,
        wanted.synthetic,
    )


def test_before_the_shuffle_only_rejected_rows_are_lost(files: tuple[str, ...]) -> None:
    found = account_rows(files, tallies(files), (), None)
    assert (found.counts.read, found.counts.kept) == (41, 39)
    assert found.start is None


def test_the_quarantine_file_holds_rejected_rows_and_then_duplicates(files: tuple[str, ...], tmp_path: Path) -> None:
    path, pieces = tmp_path / "deep" / "bad.jsonl", validated(files)
    facts = [merge_calls(pd.concat([one.frame for one in pieces], ignore_index=True), DEFAULT_ARMS).facts]
    for _ in range(2):  # it is overwritten
        write_quarantine(path, [one.tally for one in pieces])
    append_duplicates(path, files, facts)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(Path(line["source"]).name, line["line"], line["kind"]) for line in lines] == [
        ("a.parquet", 4, "success out of range"),
        ("b.parquet", 11, "success out of range"),
        ("b.parquet", 21, "duplicate request_id"),
    ]


def test_a_quarantine_that_can_not_be_written_names_the_cure(files: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(BadHistory, match="choose a path that can be written"):
        write_quarantine(tmp_path, tallies(files))
    write_quarantine(None, tallies(files))


def test_some_partition_must_have_every_arm(files: tuple[str, ...]) -> None:
    facts = merge_calls(validated(files)[0].frame, DEFAULT_ARMS).facts
    lacking = replace(facts, has_all_arms=False)
    require_all_arms([lacking, facts])
    with pytest.raises(TooLittleToLearn, match="none of 2 partitions has a known success of every arm"):
        require_all_arms([lacking, lacking])
