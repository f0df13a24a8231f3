from __future__ import annotations

import numpy as np
import pytest

from serving.decision.errors import BadInput
from training.metrics import bootstrap
from training.metrics.bootstrap import Resampling, mean_interval, percentile_interval, proportion_interval


def test_every_resample_draws_as_many_prompts_as_there_are() -> None:
    weights = np.concatenate(list(Resampling(50, 20, seed=1).chunks()))
    assert weights.shape == (20, 50)
    assert (weights.sum(axis=1) == 50).all()
    assert (weights == 0).any()


def test_the_same_plan_gives_the_same_draws_whatever_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Resampling(30, 40, seed=3)
    whole = np.concatenate(list(plan.chunks()))
    monkeypatch.setattr(bootstrap, "CHUNK", 90)
    parts = list(plan.chunks())
    assert len(parts) == 14
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_clusters_are_drawn_whole() -> None:
    clusters = np.array([0, 0, 0, 1, 1, 2])
    for row in np.concatenate(list(Resampling(6, 30, clusters=clusters).chunks())):
        assert len(set(row[:3])) == 1
        assert row[3] == row[4]
        assert row[0] + row[3] + row[5] == 3


def test_the_bootstrap_interval_of_a_mean_matches_theory() -> None:
    x = np.random.default_rng(0).normal(size=400)
    draws = Resampling(400, 2000, seed=1).apply(lambda w: w @ x / w.sum(axis=1))
    drawn, exact = percentile_interval(x.mean(), draws), mean_interval(x)
    assert drawn.lower == pytest.approx(exact.lower, abs=0.012)
    assert drawn.upper == pytest.approx(exact.upper, abs=0.012)


def test_wilson_keeps_a_width_at_the_edge() -> None:
    sure = proportion_interval(20, 20)
    assert sure.value == 1
    assert 0.8 < sure.lower < 0.9
    assert sure.upper == 1


def test_undefined_draws_are_left_out_and_all_undefined_is_said() -> None:
    assert percentile_interval(1.0, np.array([1.0, np.nan, 1.0])).lower == 1
    with pytest.raises(BadInput, match="undefined in every resample"):
        percentile_interval(1.0, np.array([np.nan]))
    with pytest.raises(BadInput, match="at least 2"):
        Resampling(1)
