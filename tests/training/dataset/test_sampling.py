"""Sampling of training prompts: seeded, uniform, and reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serving.decision.bundle.loader import load_bundle
from training.dataset.arm_inference import infer_arms
from training.dataset.dataset import build_dataset
from training.dataset.sampling import draw_prompts
from training.errors import TooLittleToLearn
from training.models.boosting import TreeSettings
from training.models.fit import FitSettings
from training.pipeline.train import TrainSettings, train
from training.synthetic import World

WORLD = World(seed=3)
FRAME = WORLD.records(WORLD.sample(400))
DATA = build_dataset(FRAME, infer_arms(FRAME))


def test_a_history_within_the_bound_stays_as_it_is() -> None:
    drawn = draw_prompts(DATA, len(DATA), 0)
    assert drawn.dataset is DATA
    assert drawn.is_complete


def test_a_draw_is_seeded_in_order_and_without_repeats() -> None:
    first, again, other = (draw_prompts(DATA, 150, seed).dataset.prompt_ids.tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert first == sorted(set(first))
    assert len(first) == 150


def test_every_prompt_has_the_same_chance() -> None:
    draws, part = 400, 100
    place = {name: row for row, name in enumerate(DATA.prompt_ids)}
    count = np.zeros(len(DATA))
    for seed in range(draws):
        for name in draw_prompts(DATA, part, seed).dataset.prompt_ids:
            count[place[name]] += 1
    chance = part / len(DATA)
    error = (count - draws * chance) / np.sqrt(draws * chance * (1 - chance))
    assert abs(error.std() - 1) < 0.15
    assert np.abs(error).max() < 5


def test_training_says_what_it_learnt_from(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "history.parquet")
    quick = FitSettings(TreeSettings(rounds=8, leaves=5, feature_fraction=0.8), folds=2, threads=1)
    told: list[str] = []
    trained = train(
        [str(tmp_path / "history.parquet")],
        tmp_path / "bundle",
        TrainSettings(fit=quick, resamples=20, learn_from=150),
        lambda stage, _done, _total: told.append(stage),
    )
    manifest = load_bundle(tmp_path / "bundle").manifest
    assert manifest.data.prompts == len(DATA)
    assert manifest.learner["prompts"] == len(trained.dataset) == 150
    shares = manifest.learner["hidden_share"]
    assert isinstance(shares, dict)
    assert list(shares) == ["reasoning"]
    assert 0.5 < shares["reasoning"] < 1.0
    assert "take 150 of 400 prompts" in told
    assert trained.evaluation.notes[-1] == "Trained and evaluated on 150 of 400 prompts, drawn at random."


@pytest.mark.parametrize("at_most", [150, 400])
def test_a_draw_keeps_what_belongs_to_a_prompt(at_most: int) -> None:
    drawn = draw_prompts(DATA, at_most, 5).dataset
    place = {name: row for row, name in enumerate(DATA.prompt_ids)}
    rows = [place[name] for name in drawn.prompt_ids]
    assert [DATA.requests[row] for row in rows] == list(drawn.requests)
    assert np.array_equal(DATA.success[rows], drawn.success)


def test_a_draw_that_leaves_too_little_of_an_arm_names_the_cure() -> None:
    few = FRAME[(FRAME["arm"] != FRAME["arm"].iloc[-1]) | (np.arange(len(FRAME)) < 60)]
    data = build_dataset(few, infer_arms(few))
    assert ((data.runs > 0).sum(axis=0) >= 20).all()
    with pytest.raises(TooLittleToLearn, match=r"among the 60 that were drawn of 400; at least 20 .*--learn-from"):
        draw_prompts(data, 60, 0)
