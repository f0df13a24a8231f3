"""The local backend: from files to design rows in one process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serving.decision.errors import BadArms
from tests.support.tiny_models import encoder
from training.backends.base import RecordSource
from training.backends.local import LocalBackend
from training.dataset.overlap import NoOverlap
from training.encoders.design_matrix import design_rows
from training.errors import HistoryEmpty, TooLittleToLearn
from training.progress import silent
from training.synthetic import RuleBasedRouter, World

WORLD = World(seed=3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "history.parquet"
    WORLD.write_parquet(path, 120)
    return path


def test_it_reads_every_prompt_and_encodes_it(file: Path) -> None:
    backend = LocalBackend()
    history, drawn = backend.read(RecordSource([str(file)]), silent)
    assert history.counts.read == 240
    assert len(drawn.dataset) == drawn.population == 120
    assert [arm.name for arm in drawn.dataset.arms] == ["direct", "reasoning"]
    x = backend.design(encoder(), drawn.dataset, silent)
    assert np.array_equal(x, design_rows(encoder(), drawn.dataset.requests))
    assert backend.trainer_factory(3) is None


def test_a_long_history_is_sampled_by_seed(file: Path) -> None:
    draws = [LocalBackend().read(RecordSource([str(file)], at_most=50, seed=seed), silent)[1] for seed in (1, 1, 2)]
    ids = [set(drawn.dataset.prompt_ids) for drawn in draws]
    assert [len(one) for one in ids] == [50, 50, 50]
    assert {drawn.population for drawn in draws} == {120}
    assert ids[0] == ids[1] != ids[2]


def test_arms_of_a_file_decide_which_rows_are_valid(file: Path, tmp_path: Path) -> None:
    arms = tmp_path / "arms.toml"
    arms.write_text('[[arm]]\nname = "direct"\nmodel = "gpt-5.1"\neffort = "none"\n', encoding="utf-8")
    with pytest.raises(BadArms):
        LocalBackend().read(RecordSource([str(file)], arms), silent)
    arms.write_text(arms.read_text() + '[[arm]]\nname = "other"\nmodel = "gpt-5.1"\neffort = "high"\n')
    with pytest.raises(TooLittleToLearn, match="120 of 240 rows could not be used"):
        LocalBackend().read(RecordSource([str(file)], arms), silent)


def test_unusable_histories_are_refused_before_anything_takes_minutes(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    WORLD.write_parquet(path, 120, RuleBasedRouter())
    with pytest.raises(NoOverlap, match="no overlap"):
        LocalBackend().read(RecordSource([str(path)]), silent)
    frame = WORLD.records(WORLD.sample(5))
    frame["success"] = 9.0
    frame.to_parquet(path)
    with pytest.raises(HistoryEmpty, match="none of 10 rows can be used"):
        LocalBackend().read(RecordSource([str(path)]), silent)
