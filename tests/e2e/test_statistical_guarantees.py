"""Logs, intervals and certificates against the truth of the synthetic world: the short form of `run_statistics`."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.certificate_study import by_mapie, certify_again, certify_logs, certify_once
from tests.benchmarks.world_study import (
    OLD,
    Insider,
    Sampled,
    bare,
    cover,
    features_only,
    learn_from_logs,
    tie_value_usd,
    unweighted,
)
from training.dataset.overlap import overlap
from training.export.reference import predict
from training.metrics.risk_control import Certificate, NoCertificate
from training.models.boosting import TreeSettings
from training.models.fit import FitSettings, Fitted, fit

QUICK = FitSettings(trees=TreeSettings(rounds=30, bags=1, learning_rate=0.15, feature_fraction=0.3), folds=3, threads=1)


@pytest.fixture(scope="module")
def pool() -> Sampled:
    return Sampled.of(900_001, 6000, features_only)


@pytest.fixture(scope="module")
def model() -> Fitted:
    train = Sampled.of(3, 2000, features_only)
    return fit(bare(train.logged(OLD)), train.x, QUICK)


def test_the_old_policies_confound_and_keep_overlap(pool: Sampled) -> None:
    for policy in (OLD, Insider()):
        data = pool.logged(policy)
        naive = np.diff(np.nanmean(data.success, axis=0))[0]
        assert naive < pool.draws.uplift.mean() - 0.04  # hard prompts went to reasoning: it looks worse than it is
        assert min(arm.effective_size for arm in overlap(data)) > 300
        chances = policy(pool.draws)
        assert chances.min() >= 0.05 - 1e-9
    assert np.nanstd(unweighted(data).propensity[:, 1]) == pytest.approx(0)


def test_confounded_logs_teach_nearly_what_paired_rows_do(pool: Sampled) -> None:
    (logs,) = learn_from_logs(1000, 3000, pool, features_only, QUICK, (OLD,))
    assert tie_value_usd(pool.draws) == pytest.approx(0.14, abs=0.02)
    assert 0.7 * logs.paired_same_calls.area < logs.logged.area < 1.1 * logs.paired.area
    assert logs.logged.net_usd > 0


def test_intervals_on_logs_cover_the_truth(pool: Sampled, model: Fitted) -> None:
    found = cover(pool, model, 1000, 150)
    for name in ("snips", "dr"):
        assert 0.90 <= found.hits[name] / 150 <= 0.99, found
    assert max(found.width["dr"], found.width["snips"]) < 0.8 * found.width["ips"]


def test_certificates_hold_and_avoid_calls(pool: Sampled, model: Fitted) -> None:
    score = predict(model.model, pool.x).uplift[:, -1]
    runs = certify_again(pool, score, 1500, 100, 0.03, 0.10)
    assert sum(run.loss > 0.03 for run in runs) <= 10
    given = [run for run in runs if isinstance(run.found, Certificate)]
    assert len(given) > 50
    assert 0.1 < np.mean([run.avoided for run in given]) <= runs[0].best
    bentkus = certify_again(pool, score, 1500, 10, 0.03, 0.10, by_mapie)
    assert sum(run.avoided for run in bentkus) < sum(run.avoided for run in runs[:10])


def test_certificates_from_logs_hold_and_avoid_calls(pool: Sampled, model: Fitted) -> None:
    runs = certify_logs(pool, predict(model.model, pool.x), OLD, 4000, 40, 0.05, 0.10)
    assert sum(run.loss > 0.05 for run in runs) <= 4
    given = [run for run in runs if isinstance(run.found, Certificate)]
    assert len(given) > 20
    assert 0.05 < np.mean([run.avoided for run in given]) <= runs[0].best


def test_a_certificate_of_a_whole_training_is_judged_by_the_served_model(pool: Sampled) -> None:
    run = certify_once(77, 600, pool, features_only, QUICK, 0.05, 0.10)
    assert isinstance(run.found, Certificate | NoCertificate)
    assert run.loss <= 0.05
    assert 0 <= run.avoided <= 1
    strict = certify_once(77, 600, pool, features_only, QUICK, 0.001, 0.10)
    assert isinstance(strict.found, NoCertificate)
    assert (strict.loss, strict.avoided) == (0, 0)
