"""Drift: its false-alarm rate is what it says, and changes of each kind are seen (SYNTHETIC samples)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from training.retraining.drift import Traffic, detect_drift


def window(rng: np.random.Generator, n: int = 400) -> Traffic:
    chance = rng.beta(2, 2, n)
    return Traffic(
        embedding=rng.normal(size=(n, 12)) * np.linspace(0.1, 2, 12),
        uplift=rng.beta(1, 4, n),
        support=rng.beta(5, 2, n),
        residual=np.where(rng.random(n) < 0.7, (rng.random(n) < chance) - chance, np.nan),
        log_token_ratio=rng.normal(0, 0.7, n),
        arm=np.where(rng.random(n) < 0.3, "reasoning", "direct").astype(object),
    )


def test_false_alarms_are_as_rare_as_is_said() -> None:
    rng = np.random.default_rng(0)
    looks, alpha = 400, 0.05
    alarms = sum(bool(detect_drift(window(rng), window(rng), alpha).alarms) for _ in range(looks))
    assert alarms <= stats.binom.ppf(0.999, looks, alpha)
    assert alarms >= 2, "a test that never alarms is none"


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("prompts", lambda t: {"embedding": t.embedding + np.array([0.0] * 11 + [3.0])}),
        ("scores", lambda t: {"uplift": t.uplift * 0.5}),
        ("support", lambda t: {"support": t.support * 0.7}),
        ("calibration", lambda t: {"residual": t.residual - 0.25}),
        ("tokens", lambda t: {"log_token_ratio": t.log_token_ratio + 0.5}),
        ("calibration", lambda t: {"residual": t.residual - 0.4 * (t.arm == "reasoning")}),
    ],
)
def test_a_change_of_each_kind_is_seen_and_nothing_else(what: str, change: Any) -> None:
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(20):
        newest = window(rng)
        found = detect_drift(window(rng), replace(newest, **change(newest)))
        seen += {alarm.what for alarm in found.alarms} == {what}
    assert seen >= 18


def test_what_is_too_little_or_not_stored_is_left_out() -> None:
    rng = np.random.default_rng(2)
    few, many = window(rng, 20), window(rng)
    assert detect_drift(many, few).findings == ()
    blind = replace(many, embedding=np.zeros((400, 0)), residual=np.full(400, np.nan))
    assert {finding.what for finding in detect_drift(blind, blind).findings} == {"scores", "support", "tokens"}
