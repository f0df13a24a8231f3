"""Settings of a backend, and errors that tell how many rows were quarantined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from serving.decision.errors import BadInput
from training.backends.base import BackendSettings, explain_quarantined
from training.errors import TooLittleToLearn
from training.records.history import History, read
from training.synthetic import World


@pytest.fixture
def history(tmp_path: Path) -> History:
    """A history of which one of six rows is rejected."""
    world = World(seed=1)
    frame = world.records(world.sample(3))
    frame.loc[2, "success"] = 7.0
    frame.to_parquet(tmp_path / "history.parquet")
    return read(tmp_path / "history.parquet", quarantine=tmp_path / "bad.quarantine.jsonl")


def test_options_of_a_cluster_need_the_dask_backend() -> None:
    for options in ({"scheduler": "tcp://here:8786"}, {"workers": 2}):
        with pytest.raises(BadInput, match="--engine dask"):
            BackendSettings(**options)  # type: ignore[arg-type]


def test_a_named_scheduler_has_its_own_workers() -> None:
    with pytest.raises(BadInput, match="not both"):
        BackendSettings("dask", "tcp://here:8786", 2)
    assert BackendSettings("dask", workers=2).scheduler is None


def test_an_error_of_too_few_rows_tells_of_the_quarantine(history: History) -> None:
    words = r"too few\. 1 of 6 rows could not be used.*bad\.quarantine\.jsonl"
    with pytest.raises(TooLittleToLearn, match=words), explain_quarantined(history):
        raise TooLittleToLearn("too few")
    counted = replace(history, quarantine=None)
    with pytest.raises(TooLittleToLearn, match="first: success"), explain_quarantined(counted):
        raise TooLittleToLearn("too few")


def test_other_errors_and_complete_histories_are_left_alone(history: History) -> None:
    with pytest.raises(BadInput) as other, explain_quarantined(history):
        raise BadInput("other")
    complete = replace(history, counts=replace(history.counts, kept=6, quarantined={}))
    with pytest.raises(TooLittleToLearn) as short, explain_quarantined(complete):
        raise TooLittleToLearn("too few")
    assert (str(other.value), str(short.value)) == ("other", "too few")
