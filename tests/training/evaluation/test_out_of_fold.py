"""Out-of-fold evaluation of paired and logged histories."""

from __future__ import annotations

import pytest

from tests.support.fitted_histories import FittedHistory, N, Settings, fitted_history
from training.evaluation.embedding_baselines import PLAIN
from training.metrics.risk_control import NoCertificate
from training.report.summary import summary


@pytest.fixture(scope="module")
def paired() -> FittedHistory:
    return fitted_history(logged=False)


@pytest.fixture(scope="module")
def logged() -> FittedHistory:
    return fitted_history(logged=True)


def test_paired_history_gets_every_part_of_the_report(paired: FittedHistory) -> None:
    found = paired.evaluated()
    assert sum(bucket.count for bucket in found.buckets) == N
    assert [rule.name for rule in found.rules] == ["always direct", "always reasoning", "our policy"]
    assert found.unseen is not None
    assert found.unseen.separation is not None
    assert [router.name for router in found.unseen.routers] == [router.name for router in found.routers]
    assert [point.prompts for point in found.learning] == [100, 200, 400]
    assert found.certificate is not None
    assert found.policies == ()
    assert any("default policy" in note for note in found.notes)


def test_without_embedding_baselines_the_plain_routers_are_left(paired: FittedHistory) -> None:
    found = paired.evaluated(Settings(baselines=False))
    assert [router.name for router in found.routers] == ["thinkgate", *(each.name for each in PLAIN)]
    assert found.unseen is not None
    assert len(found.unseen.routers) == len(found.routers)
    assert not any("comparison routers" in note for note in found.notes)
    assert summary(found)


def test_logged_history_is_valued_off_policy_and_the_truth_lies_inside(logged: FittedHistory) -> None:
    found = logged.evaluated()
    assert [value.policy for value in found.policies] == [
        "thinkgate, default policy",
        "always direct",
        "always reasoning",
    ]
    for k, value in enumerate(found.policies[1:]):
        assert value.dr is not None
        for interval in (value.dr, value.snips):
            wide = 2 * (interval.upper - interval.lower)
            assert abs(interval.value - logged.truth[:, k].mean()) < wide
        assert 30 < value.overlap.effective_size < N
    assert (found.learning, found.oracle) == ((), None)
    assert isinstance(found.certificate, NoCertificate), "600 logged calls prove too little"
    assert any("rests on the recorded propensities" in note and "0.0% of the prompts" in note for note in found.notes)
    assert found.priced
    assert any("by DR" in sentence and "As logged" in sentence for sentence in summary(found))
    assert any("logged" in note for note in found.notes)
