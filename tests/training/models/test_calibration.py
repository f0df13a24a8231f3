"""Maps from scores to what they claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.models.calibration import monotone_map, uplift_maps


def test_success_comes_out_calibrated() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(8000)
    truth = score**2
    found = monotone_map(score[:4000], (rng.random(4000) < truth[:4000]).astype(np.float64))(score[4000:])
    groups = np.array_split(np.argsort(score[4000:]), 15)
    error = np.mean([abs(found[group].mean() - truth[4000:][group].mean()) for group in groups])
    assert error < 0.03


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=300), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_maps_never_fall_and_their_knots_rise(scores: list[float], seed: int) -> None:
    score = np.array(scores)
    found = monotone_map(score, np.random.default_rng(seed).random(len(score)))
    assert (np.diff(found.knots) > 0).all()
    assert (np.diff(found.values) >= 0).all()
    assert np.isfinite(found(np.array([-5.0, 0.0, 5.0]))).all()


@pytest.mark.parametrize("seed", range(3))
def test_intervals_hold_the_true_uplift_of_similar_scores(seed: int) -> None:
    rng = np.random.default_rng(seed)
    uplift = rng.uniform(-0.1, 0.5, 6000)
    base = rng.uniform(0.1, 0.5, 6000)
    realised = (rng.random(6000) < base + np.clip(uplift, -base, 1)).astype(float) - (rng.random(6000) < base)
    maps = uplift_maps(uplift + rng.normal(0, 0.05, 6000), realised)
    grid = np.linspace(0.0, 0.4, 9)
    # What is true on average at such a score: the noise of the score pulls it to the middle a little.
    inside = (maps.uplift(grid) - maps.below(grid) <= grid + 0.03) & (
        grid - 0.03 <= maps.uplift(grid) + maps.above(grid)
    )
    assert inside.mean() >= 0.85
    assert (maps.below(grid) > 0).all()
