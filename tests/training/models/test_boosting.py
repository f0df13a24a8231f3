"""Boosters learnt side by side are those learnt alone, below and above the size where histograms change their way."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from training.models.boosting import BY_ROWS, BinnedRows, TreeSettings, raw_scores

TREES = TreeSettings(rounds=6, leaves=15, feature_fraction=0.5)


@pytest.mark.parametrize("n", [2000, BY_ROWS + 10_000])
def test_side_by_side_gives_what_one_after_the_other_gives(n: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 24), dtype=np.float32)
    y = (rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))).astype(np.float64)
    rows = np.flatnonzero(rng.random(n) < 0.8)

    def scores(binned: BinnedRows, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return raw_scores(binned.head(y, rows, "cross_entropy", seed=seed), x[:3000])

    found = []
    for threads in (1, 2):
        binned = BinnedRows(x, TREES, threads)
        found.append(np.stack(list(binned.run_jobs([partial(scores, binned, seed) for seed in range(8)]))))
    assert np.array_equal(*found)
    assert np.corrcoef(found[0].mean(axis=0), x[:3000, 0])[0, 1] > 0.7
