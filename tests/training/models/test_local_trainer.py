"""The local trainer learns what the target says, the same again, and one model of all arms where that fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.toy_datasets import chances, dataset, toy_rows
from training.models import local_trainer
from training.models.boosting import TreeSettings, raw_scores
from training.models.local_trainer import LocalHeadTrainer, LocalTrainerFactory
from training.models.targets import EVERY, HeadSpec, PseudoOutcomes, split_by_arm

SMALL = TreeSettings(rounds=40, leaves=7, bags=1, learning_rate=0.1, feature_fraction=1.0, min_rows=5)
RNG = np.random.default_rng(1)
X = toy_rows(600, RNG)
TRUTH = chances(X)
DATA = dataset(TRUTH, RNG)
FOLD = np.arange(600) % 2


@pytest.fixture(scope="module")
def trainer() -> LocalHeadTrainer:
    return LocalHeadTrainer(X, DATA, FOLD, SMALL, 1)


def test_success_of_an_arm_follows_its_chances(trainer: LocalHeadTrainer) -> None:
    scores = raw_scores(trainer.head(HeadSpec("success", 1, EVERY, 0)), X)
    assert np.corrcoef(scores, TRUTH[:, 1])[0, 1] > 0.8


def test_the_same_seed_gives_the_same_head(trainer: LocalHeadTrainer) -> None:
    one, two = (raw_scores(trainer.head(HeadSpec("success", 0, EVERY, 3)), X) for _ in range(2))
    assert np.array_equal(one, two)


def test_a_held_out_fold_changes_nothing_for_the_head(trainer: LocalHeadTrainer) -> None:
    success = DATA.success.copy()
    success[FOLD == 1] = 1.0 - success[FOLD == 1]
    other = LocalHeadTrainer(X, replace(DATA, success=success), FOLD, SMALL, 1)
    spec = HeadSpec("success", 1, 1, 0)
    assert np.array_equal(raw_scores(other.head(spec), X), raw_scores(trainer.head(spec), X))


def test_uplift_is_fitted_to_the_pseudo_outcomes(trainer: LocalHeadTrainer) -> None:
    head = trainer.head(HeadSpec("uplift", 1, EVERY, 0), PseudoOutcomes(TRUTH))
    uplift = TRUTH[:, 1] - TRUTH[:, 0]
    assert np.corrcoef(raw_scores(head, X), uplift)[0, 1] > 0.95


def test_one_model_of_all_arms_is_read_per_arm(trainer: LocalHeadTrainer) -> None:
    assert trainer.has_shared_model
    direct, reasoning = split_by_arm(trainer.head(HeadSpec("all arms", 0, EVERY, 0)), 2)
    gained = raw_scores(reasoning, X) - raw_scores(direct, X)
    assert np.corrcoef(gained, TRUTH[:, 1] - TRUTH[:, 0])[0, 1] > 0.3


def test_long_histories_have_no_model_of_all_arms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_trainer, "SHARED_AT_MOST", 100)
    assert not LocalHeadTrainer(X, DATA, FOLD, SMALL, 1).has_shared_model
    assert not LocalHeadTrainer(X, DATA, None, SMALL, 1, stack=False).has_shared_model


def test_the_factory_knows_its_prompts_and_jobs_keep_their_order() -> None:
    factory = LocalTrainerFactory(X, DATA, FOLD, 2)
    assert factory.prompts == 600
    jobs = [lambda place=place: place for place in range(5)]
    assert list(factory.trainer(SMALL).run_jobs(jobs)) == [0, 1, 2, 3, 4]
