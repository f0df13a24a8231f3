"""Simulated choices are those that the engine makes."""

from __future__ import annotations

import numpy as np
import pytest

from serving.decision.policy.policy import Policy, Terms
from serving.decision.types import Arm, Prediction, Usd
from tests.support.fitted_histories import PRICED, FittedHistory, N, fitted_history
from training.evaluation.policy_simulation import out_of_fold, simulate_policy


@pytest.fixture(scope="module")
def paired() -> FittedHistory:
    return fitted_history(logged=False)


def forecast(success: tuple[float, float], spread: float = 0.01) -> Prediction:
    uplift = success[1] - success[0]
    return Prediction(
        success, (uplift,), (uplift - spread,), (uplift + spread,), (100.0, 2000.0), (200.0, 4000.0), (1e3, 2e4),
        (2e3, 4e4), 1.0,
    )  # fmt: skip


def test_choices_are_what_the_engine_decides_in_the_order_of_the_requests(paired: FittedHistory) -> None:
    asked, forecasts = (
        paired.data.requests[:3],
        [forecast((0.2, 0.9)), forecast((0.9, 0.9)), forecast((0.5, 0.53), 0.2)],
    )
    found = simulate_policy(PRICED, (), asked, forecasts, Policy(terms=Terms(value_of_success_usd=Usd(1.0))))
    assert found is not None
    assert found.arm.tolist()[:2] == [1, 0]
    assert found.buckets == ("use", "avoid", "maybe")
    assert simulate_policy((Arm("a", "no such model"), Arm("b", "nor this")), (), asked, forecasts) is None


def test_low_support_widens_the_interval_of_a_ready_forecast(paired: FittedHistory) -> None:
    sure, unsure = (out_of_fold(paired.fitted, np.full(N, support), np.arange(N))[7] for support in (1.0, 0.0))
    assert unsure.uplift == sure.uplift
    assert unsure.uplift_upper[0] - unsure.uplift_lower[0] > sure.uplift_upper[0] - sure.uplift_lower[0]
    assert sure.uplift_lower[0] <= sure.uplift[0] <= sure.uplift_upper[0]
