"""Every comparison router learns what it should, and only from the other folds."""

from __future__ import annotations

import numpy as np
import pytest

from serving.decision.errors import BadInput
from tests.support.router_samples import N, sample
from training.evaluation import embedding_baselines
from training.evaluation.baselines import Baseline, PerTaskAverage, RandomRate, RouterSample, cross_fitted, folds
from training.evaluation.embedding_baselines import (
    Logistic,
    LogisticNeighbours,
    MatrixFactorisation,
    Neighbours,
    embedding_routers,
)
from training.metrics.cost_quality import RealisedOutcomes, oracle_share

LEARNERS: tuple[Baseline, ...] = (
    PerTaskAverage(),
    Neighbours(choices=(5, 20)),
    Logistic(strength=0.1),
    Logistic(strength=0.1, with_features=True),
    LogisticNeighbours(neighbours=Neighbours(choices=(10,))),
    MatrixFactorisation(rank=4),
)


@pytest.mark.parametrize("baseline", LEARNERS, ids=lambda b: b.name)
def test_each_learner_finds_most_of_what_the_truth_would_find(baseline: Baseline) -> None:
    data = sample()
    outcomes = RealisedOutcomes(data.success)
    assert data.tasks is not None
    truth = np.array([{"a": 0.7, "b": 0.0, "c": 0.0, "d": 0.3}[t] for t in data.tasks])
    best = oracle_share(outcomes, cross_fitted(PerTaskAverage(), data, folds(N, 5, 0)))
    found = oracle_share(outcomes, cross_fitted(baseline, data, folds(N, 5, 0)))
    assert found is not None
    assert best is not None
    assert found > 0.75 * best
    router = cross_fitted(baseline, data, folds(N, 5, 0))
    assert np.corrcoef(router.score, truth)[0, 1] > 0.6


@pytest.mark.parametrize("baseline", [RandomRate(), *LEARNERS], ids=lambda b: b.name)
def test_scores_never_depend_on_the_outcomes_of_their_own_fold(baseline: Baseline) -> None:
    data, fold = sample(n=120), folds(120, 3, 1)
    before = cross_fitted(baseline, data, fold).score[fold == 0]
    changed = data.success.copy()
    changed[fold == 0] = 1 - changed[fold == 0]
    after = cross_fitted(baseline, RouterSample(data.embedding, changed, data.tasks, data.features), fold).score[
        fold == 0
    ]
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("baseline", embedding_routers(), ids=lambda b: b.name)
def test_every_standard_router_takes_three_arms(baseline: Baseline) -> None:
    router = cross_fitted(baseline, sample(n=90, arms=3), folds(90, 3, 0))
    assert np.isfinite(router.score).all()
    assert router.arm is not None
    assert set(router.arm) <= {1, 2}


@pytest.mark.parametrize("baseline", LEARNERS[:-1], ids=lambda b: b.name)
def test_logged_history_with_one_arm_a_prompt_is_enough(baseline: Baseline) -> None:
    data = sample()
    logged = data.success.copy()
    logged[np.arange(N), np.random.default_rng(1).integers(0, 2, N)] = np.nan
    router = cross_fitted(baseline, RouterSample(data.embedding, logged, data.tasks, data.features), folds(N, 5, 0))
    share = oracle_share(RealisedOutcomes(data.success), router)
    assert share is not None
    assert share > 0.3


def test_preferences_need_pairs() -> None:
    data = sample(n=20)
    logged = data.success.copy()
    logged[:, 0] = np.nan
    with pytest.raises(BadInput, match="paired history"):
        MatrixFactorisation().fit(RouterSample(data.embedding, logged))
    with pytest.raises(BadInput, match="never observed"):
        Logistic().fit(RouterSample(data.embedding, logged))


def test_of_a_long_history_a_random_part_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_baselines, "MAX_PROMPTS", 200)
    data = sample()
    assert len(data.at_most(200, 0).success) == 200
    assert data.at_most(N, 0) is data
    share = oracle_share(RealisedOutcomes(data.success), cross_fitted(LogisticNeighbours(), data, folds(N, 2, 0)))
    assert share is not None
    assert share > 0.3
