from __future__ import annotations

import numpy as np
import pytest

from serving.decision.errors import BadInput
from training.metrics.bootstrap import Resampling
from training.metrics.calibration import (
    auroc,
    binned,
    bucket_table,
    calibration,
    forecast_quality,
    quantile_bins,
    rank_correlation,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_calibrated_forecast_shows_no_more_than_chance(rng: np.random.Generator) -> None:
    p = rng.uniform(0, 1, 4000)
    y = (rng.random(4000) < p).astype(float)
    good = calibration("direct", p, y, resampling=Resampling(4000, 200))
    bad = calibration("direct", np.clip(p + 0.1, 0, 1), y, resampling=Resampling(4000, 200))
    assert good.ece.value == pytest.approx(good.floor, abs=0.01)
    assert bad.ece.lower > 0.07
    assert good.brier.value == pytest.approx(np.mean((p - y) ** 2))
    assert good.brier.upper < good.brier_of_mean


def test_ece_is_the_weighted_gap_of_the_bins(rng: np.random.Generator) -> None:
    p, y = rng.uniform(0, 1, 700), rng.integers(0, 2, 700).astype(float)
    result = calibration("direct", p, y, resampling=Resampling(700, 20))
    b = result.bins
    assert len(b.count) == 15
    assert b.count.max() - b.count.min() <= 1
    assert result.ece.value == pytest.approx((b.count / 700 * np.abs(b.predicted - b.realised)).sum())


def test_arms_that_were_not_used_are_left_out_of_calibration() -> None:
    p, y = np.full(100, 0.3), np.full(100, np.nan)
    y[:10] = [1, 0, 0, 1, 0, 0, 1, 0, 0, 0]
    result = calibration("direct", p, y, resampling=Resampling(100, 50))
    assert result.bins.count.tolist() == [10]
    assert result.ece.value == pytest.approx(0)
    with pytest.raises(BadInput, match="observed on 0"):
        calibration("direct", p, y * np.nan)


def test_equal_forecasts_share_a_bin() -> None:
    codes = quantile_bins(np.repeat([0.1, 0.5, 0.9], [50, 3, 50]), 15)
    assert len(set(codes[:50])) == len(set(codes[53:])) == 1
    assert codes[0] < codes[-1]


def test_bins_carry_the_interval_of_what_happened(rng: np.random.Generator) -> None:
    bins = binned(np.repeat([0.2, 0.8], 500), rng.integers(0, 2, 1000).astype(float), 10)
    assert bins.predicted.tolist() == pytest.approx([0.2, 0.8])
    assert (bins.lower < bins.realised).all()
    assert (bins.realised < bins.upper).all()


def test_auroc_is_the_share_of_ordered_pairs(rng: np.random.Generator) -> None:
    low, high = rng.integers(0, 8, 60).astype(float), rng.integers(2, 10, 40).astype(float)
    pairs = (high[:, None] > low).mean() + (high[:, None] == low).mean() / 2
    found = auroc(low, high)
    assert found.value == pytest.approx(pairs)
    assert found.lower < pairs < found.upper
    assert auroc(-high, -low).value == pytest.approx(pairs)


@pytest.mark.parametrize(("low", "high"), [(300, 40), (40, 300)])
def test_the_auroc_interval_covers(rng: np.random.Generator, low: int, high: int) -> None:
    truth = 0.7602  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
    hits = 0
    for _ in range(200):
        found = auroc(rng.normal(size=low), rng.normal(1, size=high))
        hits += found.lower <= truth <= found.upper
    assert 180 <= hits <= 199


def test_coverage_and_rank_agreement_of_a_consumption_forecast(rng: np.random.Generator) -> None:
    mean = rng.uniform(100, 1000, 800)
    truth = mean * rng.lognormal(0, 0.5, 800)
    truth[:100] = np.nan
    found = forecast_quality("reasoning", "output tokens", mean, mean * np.exp(0.5 * 1.645), truth, sample=50)
    assert found.coverage.lower < 0.95 < found.coverage.upper
    assert found.rank_correlation is not None
    assert 0.6 < found.rank_correlation.value < 0.9
    assert len(found.predicted) == len(found.realised) == 50
    with pytest.raises(BadInput, match="output tokens"):
        forecast_quality("reasoning", "output tokens", mean, mean, truth * np.nan)


def test_a_constant_forecast_has_no_rank_correlation() -> None:
    assert rank_correlation(np.ones(10), np.arange(10.0)) is None
    found = rank_correlation(np.arange(50.0), np.arange(50.0) ** 3)
    assert found is not None
    assert found.value == pytest.approx(1)


def test_buckets_come_in_order_with_what_reasoning_gained() -> None:
    names = ["avoid"] * 3 + ["use"] * 2
    rows = bucket_table(names, np.array([1.0, 1, 0, 0, 0]), np.array([1.0, 1, 0, 1, 1]), np.full(5, 0.02))
    assert [r.bucket for r in rows] == ["use", "avoid"]
    assert rows[0].uplift.value == 1
    assert rows[1].uplift.value == 0
    assert rows[1].share == pytest.approx(0.6)
    assert rows[0].extra_usd == pytest.approx(0.02)
