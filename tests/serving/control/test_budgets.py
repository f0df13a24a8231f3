"""A day of skewed, synthetic traffic keeps its budget, and loses little against what hindsight could have bought."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.control.spend_ledger import MemorySpendLedger, SqlSpendLedger
from tests.support import budget_day as day
from tests.support.budget_day import DayResult, Pool, budget_for, pool, simulate, traffic

REQUESTS = 4000


@pytest.fixture(scope="module")
def prompts() -> Pool:
    return pool(800)


@pytest.fixture(scope="module", autouse=True)
def _calmer() -> None:
    """A fifth of the bench's traffic: tails as heavy would leave the sum of a day to a few calls."""
    patch = pytest.MonkeyPatch()
    patch.setattr(day, "SPREAD", 0.4)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def two_days(prompts: Pool) -> tuple[DayResult, DayResult]:
    days = [traffic(prompts, REQUESTS, seed) for seed in (0, 1)]
    first, second = simulate(prompts, days, budget_for(prompts, days[0], 0.4), MemorySpendLedger(), look_s=60.0)
    return first, second


def test_spend_meets_the_budget_within_three_percent(two_days: tuple[DayResult, DayResult]) -> None:
    for result in two_days:
        assert result.spent / result.budget == pytest.approx(1.0, abs=0.03)


def test_little_is_lost_against_the_offline_optimum(two_days: tuple[DayResult, DayResult]) -> None:
    first, second = two_days
    assert first.lost < 0.25  # nothing is known of the day that is to come
    assert second.lost < 0.04
    assert all(result.value > result.direct for result in two_days)


def test_there_is_no_cliff(prompts: Pool, two_days: tuple[DayResult, DayResult]) -> None:
    known = two_days[1]
    assert known.spent_out_at > 23.5
    assert known.lowest > 0.0
    assert known.highest < 10.0
    plain = traffic(prompts, REQUESTS, 1)
    stop = simulate(prompts, [plain], known.budget, MemorySpendLedger(), look_s=600.0, steers=False)[0]
    assert stop.spent_out_at < 18.0
    assert stop.lost > 5.0 * max(known.lost, 0.01)


def test_a_restart_in_between_changes_nothing_of_note(prompts: Pool, tmp_path: Path) -> None:
    days = [traffic(prompts, REQUESTS, seed) for seed in (0, 1)]
    budget, url = budget_for(prompts, days[0], 0.4), f"sqlite:///{tmp_path / 'spend.db'}"
    simulate(prompts, days[:1], budget, SqlSpendLedger(url), look_s=300.0)
    second = simulate(prompts, days[1:], budget, SqlSpendLedger(url), first_day=1, look_s=300.0)[0]
    assert second.spent / second.budget == pytest.approx(1.0, abs=0.03)
    assert second.lost < 0.06
