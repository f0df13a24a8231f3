"""After a promotion: a bundle that is as the gate saw it stays, one that strays goes (SYNTHETIC outcomes)."""

from __future__ import annotations

import numpy as np
import pytest

from serving.journal.rows import DecisionRow, JournalEntry, OutcomeRow
from tests.support.journal_rows import decision
from training.promotion.gate_log import GateExpectation
from training.promotion.live_check import LiveOutcomes, check_live, live_outcomes

SEEN = GateExpectation((0.80, 0.78, 0.82), (0.010, 0.0095, 0.0105), (5000.0, 4800.0, 5200.0))


def live(
    rng: np.random.Generator, n: int, success: float = 0.8, cost: float = 0.01, latency: float = 5000.0
) -> LiveOutcomes:
    return LiveOutcomes(
        (rng.random(n) < success).astype(np.float64),
        cost * rng.lognormal(-0.125, 0.5, n),
        latency * rng.lognormal(-0.125, 0.5, n),
        np.where(rng.random(n) < 0.5, 1 / 0.9, 1.0),
    )


def part(whole: LiveOutcomes, n: int) -> LiveOutcomes:
    return LiveOutcomes(whole.success[:n], whole.cost_usd[:n], whole.latency_ms[:n], whole.weight[:n])


def test_a_bundle_at_the_bad_end_of_what_the_gate_saw_is_hardly_ever_sent_back() -> None:
    """Without slack, 30 looks each: alpha is 5 %, and 300 bundles give more than 27 in 0.1 % of cases."""
    sent = 0
    for seed in range(300):
        whole = live(np.random.default_rng(seed), 3000, 0.78, 0.0105, 5200.0)
        sent += any(check_live(SEEN, part(whole, 100 * k), k, alpha=0.05, slack=0.0) is not None for k in range(1, 31))
    assert sent <= 27


@pytest.mark.parametrize(
    ("figure", "change"),
    [("success", {"success": 0.6}), ("cost", {"cost": 0.016}), ("latency", {"latency": 8000.0})],
)
def test_what_strays_is_seen_soon_and_named(figure: str, change: dict[str, float]) -> None:
    for seed in range(20):
        whole = live(np.random.default_rng(seed), 1000, **change)
        found = [check_live(SEEN, part(whole, 100 * k), k) for k in range(1, 11)]
        strayed = [each.figure for each in found if each is not None]
        assert strayed[:1] == [figure]


def test_better_than_seen_is_no_reason_and_few_outcomes_say_nothing() -> None:
    rng = np.random.default_rng(0)
    assert check_live(SEEN, live(rng, 2000, 0.95, 0.001, 100.0), 1) is None
    assert check_live(SEEN, live(rng, 99, 0.1), 1) is None


def test_only_the_bundles_own_choices_count() -> None:
    def entry(number: int, success: float | None = 1.0, arm: str | None = None, **changes: object) -> JournalEntry:
        row: DecisionRow = decision(f"d{number}", **{"replay": "{}", "bundle_id": "new", **changes})
        return JournalEntry(row, OutcomeRow(row.decision_id, 1.0, success=success, arm=arm))

    entries = [
        entry(0),
        entry(1, None),
        entry(2, propensity=0.1),
        entry(3, bundle_id="old"),
        entry(4, arm="reasoning"),
        entry(7, applied_model="gpt-5.1", applied_effort="none", applied_arm="low", not_applied="conflict:top_p"),
        entry(8, applied_model="unknown", not_applied="unknown_model"),
        JournalEntry(decision("d5", bundle_id="new"), OutcomeRow("d5", 1.0, success=1.0)),
        JournalEntry(decision("d6", replay="{}", bundle_id="new"), None),
    ]
    found = live_outcomes(entries, "new")
    np.testing.assert_array_equal(found.success, [1.0, np.nan])
    np.testing.assert_allclose(found.weight, 1 / 0.98)
