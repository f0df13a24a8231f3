"""Learning curves of small histories."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.fitted_histories import SETTINGS, FittedHistory, fitted_history
from training.evaluation.learning_curve import learning_curve


@pytest.fixture(scope="module")
def paired() -> FittedHistory:
    return fitted_history(logged=False)


@pytest.fixture(scope="module")
def logged() -> FittedHistory:
    return fitted_history(logged=True)


def test_a_learning_curve_needs_outcomes_of_both_arms(paired: FittedHistory, logged: FittedHistory) -> None:
    learner = paired.fitted.learners[0]
    curve = learning_curve(paired.data, paired.x, paired.fitted.fold, learner, SETTINGS)
    assert curve[-1].prompts == int((paired.fitted.fold != 0).sum())
    assert curve[-1].oracle_share.value > curve[0].oracle_share.value - 0.1
    assert learning_curve(logged.data, logged.x, logged.fitted.fold, learner, SETTINGS) == ()
    level = replace(paired.data, success=np.ones_like(paired.data.success))
    assert learning_curve(level, paired.x, paired.fitted.fold, learner, SETTINGS) == ()
