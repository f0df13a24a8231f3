"""Settings of the runtime controls: when a budget is in force, and that the defaults are consistent."""

from __future__ import annotations

import pytest

from serving.decision.policy.controls import BudgetSettings, HealthSettings, SessionSettings
from serving.decision.types import Usd


@pytest.mark.parametrize("window", ["hour_usd", "day_usd", "month_usd"])
def test_a_budget_for_any_window_steers(window: str) -> None:
    assert BudgetSettings(**{window: Usd(1.0)}).steers  # type: ignore[arg-type]


def test_without_a_window_nothing_steers() -> None:
    assert not BudgetSettings(hard_stop=True, pool="acme").steers


def test_a_budget_of_nothing_still_steers() -> None:
    assert BudgetSettings(day_usd=Usd(0.0)).steers


def test_by_default_an_arm_cannot_flap_between_shed_and_serving() -> None:
    health = HealthSettings()
    assert 0.0 < health.recover_below < health.shed_above < 1.0
    assert health.probes <= health.min_calls


def test_by_default_a_session_outlives_its_prompt_cache() -> None:
    assert SessionSettings().cache_minutes < SessionSettings().session_minutes
