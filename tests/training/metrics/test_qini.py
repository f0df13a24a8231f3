"""Qini and AUUC against causalml, the library whose conventions they follow."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from training.metrics.qini import paired_area


@dataclass(frozen=True)
class Theirs:
    auuc: Callable[..., pd.Series]
    qini: Callable[..., pd.Series]


@pytest.fixture(scope="module")
def theirs() -> Theirs:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import warns about other people's deprecations
        from causalml.metrics import auuc_score, qini_score
    return Theirs(auuc_score, qini_score)


def trapezoid(mean_of_points: float, last: float, n: int) -> float:
    """Their area is a plain mean over n + 1 points from 0 to `last`; the trapezoid rule halves the ends."""
    return (mean_of_points * (n + 1) - last / 2) / n


@pytest.mark.parametrize("sign", [1, -1])
def test_paired_areas_agree_with_causalml_also_where_reasoning_harms(theirs: Theirs, sign: int) -> None:
    rng, n = np.random.default_rng(5), 500
    effect = sign * rng.choice([-1.0, 0.0, 1.0], size=n, p=[0.1, 0.5, 0.4])
    score = effect + rng.normal(size=n)
    frame = pd.DataFrame({"y": effect, "w": 1, "tau": effect, "ours": score})
    area = paired_area(score, effect)
    assert area.auuc == pytest.approx(trapezoid(float(theirs.auuc(frame)["ours"]), sign, n), abs=1e-9)
    qini = trapezoid(float(theirs.qini(frame)["ours"]) + sign / 2, sign, n) - sign / 2
    assert area.qini == pytest.approx(qini, abs=1e-9)


def test_a_constant_score_has_no_qini_and_zero_effect_no_area() -> None:
    effect = np.array([1.0, 0.0, 1.0, 0.0])
    assert paired_area(np.zeros(4), effect).qini == pytest.approx(0)
    assert paired_area(np.arange(4.0), effect * 0).auuc is None


def test_the_oracle_beats_random_and_random_beats_its_reverse() -> None:
    effect = np.array([1.0, 1.0, 0.0, 0.0])
    best, worst = paired_area(effect, effect).qini, paired_area(-effect, effect).qini
    assert best == pytest.approx(0.25)
    assert worst == pytest.approx(-0.25)
