"""Held-out values: costs, target policies, consumption."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.fitted_histories import FittedHistory, N, fitted_history
from training.evaluation.held_out import call_costs, target_policies
from training.evaluation.results import HeldOut
from training.metrics.cost_quality import RealisedOutcomes


@pytest.fixture(scope="module")
def logged() -> FittedHistory:
    return fitted_history(logged=True)


def test_costs_of_calls_that_were_not_made_come_from_forecast_tokens(logged: FittedHistory) -> None:
    assert call_costs(logged.data) is None
    tokens = np.full((N, 2), 1000.0)
    priced = call_costs(logged.data, tokens)
    assert priced is not None
    made = logged.data.observed
    assert np.unique(priced[~made]).size == 1
    assert np.unique(priced[made]).size > 100
    unknown = replace(logged.data, input_tokens=np.full((N, 2), np.nan))
    assert call_costs(unknown, tokens) is None


def test_targets_are_the_fixed_rules_and_ours_where_it_is_known() -> None:
    bare = HeldOut(("a", "b"), RealisedOutcomes(np.ones((3, 2))), np.ones((3, 2)))
    assert list(target_policies(bare)) == ["always a", "always b"]
    assert next(iter(target_policies(replace(bare, chosen=np.array([0, 1, 0]))))) == "thinkgate, default policy"
