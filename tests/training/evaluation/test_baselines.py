"""The comparison routers without embedding, and cross-fitting."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.router_samples import N, sample
from training.evaluation.baselines import PerTaskAverage, RandomRate, RouterSample, cross_fitted, folds
from training.metrics.cost_quality import RealisedOutcomes, oracle_share


def test_random_at_any_rate_is_the_random_line() -> None:
    data = sample()
    assert oracle_share(
        RealisedOutcomes(data.success), cross_fitted(RandomRate(), data, folds(N, 5, 0))
    ) == pytest.approx(0)


def test_an_unknown_task_gets_the_overall_average() -> None:
    data = sample()
    unknown = RouterSample(data.embedding[:1], data.success[:1], np.array(["new"], dtype=object))
    overall = data.success.mean(axis=0)
    assert PerTaskAverage().fit(data)(unknown)[0, 0] == pytest.approx(overall[1] - overall[0])


def test_folds_are_of_equal_size_and_reproducible() -> None:
    assert sorted(np.bincount(folds(103, 5, 0))) == [20, 20, 21, 21, 21]
    np.testing.assert_array_equal(folds(50, 5, 3), folds(50, 5, 3))
