"""The certificate must fail at most delta of the time, and be worth having."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from serving.decision.errors import BadInput
from training.metrics.risk_control import Certificate, LossBounds, NoCertificate, certify, p_value


@dataclass(frozen=True)
class Drawn:
    score: np.ndarray
    loss: np.ndarray
    uplift: np.ndarray


def drawn(seed: int, n: int) -> Drawn:
    rng = np.random.default_rng(seed)
    base = rng.uniform(0.2, 0.95, n)
    uplift = np.clip(rng.normal(0.15, 0.2, n), -base, 1 - base)
    success = rng.random((n, 2)) < np.column_stack([base, base + uplift])
    return Drawn(uplift + rng.normal(0, 0.1, n), success[:, 1].astype(float) - success[:, 0], uplift)


POPULATION = drawn(99, 300_000)


def true_loss(threshold: float) -> float:
    return float(np.where(POPULATION.score < threshold, POPULATION.uplift, 0).mean())


def test_at_most_delta_of_the_certificates_are_wrong_and_calls_are_avoided() -> None:
    wrong, avoided = 0, []
    for seed in range(200):
        sample = drawn(seed, 500)
        found = certify(sample.score, sample.loss, epsilon=0.03, delta=0.1, thresholds=np.linspace(-0.3, 0.6, 61))
        if isinstance(found, Certificate):
            wrong += true_loss(found.threshold) > 0.03
            avoided.append(found.calls_avoided)
    assert wrong / 200 <= 0.10
    assert np.mean(avoided) > 0.35


def test_more_prompts_and_more_slack_avoid_more_calls() -> None:
    few, many = drawn(1, 500), drawn(1, 5000)

    def avoided(sample: Drawn, epsilon: float) -> float:
        found = certify(sample.score, sample.loss, epsilon=epsilon)
        assert isinstance(found, Certificate)
        assert found.observed_loss <= epsilon
        assert found.p_value <= 0.1
        return found.calls_avoided

    assert avoided(few, 0.02) < avoided(many, 0.02) < avoided(many, 0.05)


def test_the_p_value_is_valid_on_the_border_of_the_hypothesis() -> None:
    rng, below = np.random.default_rng(0), 0
    for _ in range(1000):
        loss = rng.choice([1.0, -1.0, 0.0], p=[0.07, 0.05, 0.88], size=400)
        below += p_value(loss, 0.02, 0.1, LossBounds()) <= 0.1
    assert 0.01 < below / 1000 <= 0.1


def test_too_few_prompts_end_without_a_certificate() -> None:
    sample = drawn(2, 30)
    found = certify(sample.score, sample.loss, epsilon=0.01)
    assert isinstance(found, NoCertificate)
    assert "30 prompts" in found.reason


def test_where_every_call_is_needed_nothing_is_certified() -> None:
    score = np.random.default_rng(0).uniform(0.2, 0.9, 3000)
    found = certify(score, np.ones(3000), epsilon=0.0005, thresholds=np.linspace(0, 1, 11), delta=0.5)
    assert isinstance(found, NoCertificate)
    assert "could lose more" in found.reason


def test_wider_losses_need_their_bounds() -> None:
    sample = drawn(3, 1000)
    with pytest.raises(BadInput, match="bounds"):
        certify(sample.score, 3 * sample.loss, epsilon=0.05)
    wide = certify(sample.score, 3 * sample.loss, epsilon=0.15, bounds=LossBounds(-3, 3))
    plain = certify(sample.score, sample.loss, epsilon=0.05)
    assert isinstance(wide, Certificate)
    assert isinstance(plain, Certificate)
    assert wide.threshold == plain.threshold


@pytest.mark.parametrize(
    ("epsilon", "loss", "words"),
    [
        (0.0, np.zeros(9), "between 0 and 1"),
        (0.1, np.zeros(3), "one loss a prompt"),
        (0.1, np.full(9, np.nan), "unknown"),
    ],
)
def test_bad_input_names_the_cure(epsilon: float, loss: np.ndarray, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        certify(np.zeros(9), loss, epsilon=epsilon)
