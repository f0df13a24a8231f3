"""A journal is replayed under another policy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serving.journal.store import Store
from tests.support.policy_cases import ARMS, engine, forecast, policy
from tests.support.savings_cases import entries
from training.errors import BadHistory
from training.savings.estimate import estimate_savings
from training.savings.from_journal import from_journal


def test_a_journal_is_settled_again_under_another_policy(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'journal.db'}")
    store.upgrade()
    made = entries()
    unknown = replace(made[0].decision, decision_id="unknown")
    store.append([*(entry.decision for entry in made), unknown], [e.outcome for e in made if e.outcome])
    careful = engine(policy=policy(value_of_success_usd=1e-6)).bound_policy
    generous = engine(policy=policy(value_of_success_usd=100.0)).bound_policy
    low = from_journal(store.entries(), careful)
    high = from_journal(store.entries(), generous)
    store.close()
    assert (low.chosen == 0).all()
    assert (high.chosen == 2).all()
    assert low.kind == "journal"
    assert np.isfinite(low.success).sum(axis=1).tolist() == [1] * 60
    # 1,000 prompt tokens at 1 and 1,000 answer tokens at 10 USD per million
    assert low.cost_usd[np.isfinite(low.cost_usd)] == pytest.approx(0.011)
    assert low.per_day == pytest.approx(61 / (59 * 7200 / 86_400))
    assert low.notes == ("1 decisions without a reported success are left out",)
    told = estimate_savings("the journal", low, resamples=20)
    assert told.estimator == "dr"
    assert told.whole.strategies[0].quality.value == pytest.approx(0.5, abs=0.15)


def test_a_journal_of_other_arms_is_refused() -> None:
    with pytest.raises(BadHistory, match="60 do not fit"):
        from_journal(entries(), engine(arms=ARMS[:2], prediction=forecast((0.1,))).bound_policy)


def test_a_call_counts_as_the_arm_that_was_applied() -> None:
    made = entries()
    bound = engine().bound_policy
    conflict = {"applied_model": "m", "applied_effort": "none", "not_applied": "conflict:temperature"}
    applied = [
        replace(each, decision=replace(each.decision, **conflict, applied_arm="direct", applied_propensity=1.0))
        for each in made
    ]
    unknown = replace(made[0], decision=replace(made[0].decision, applied_model="x", not_applied="unknown_model"))
    found = from_journal([*applied, unknown], bound)
    assert np.isfinite(found.success).sum(axis=0).tolist() == [60, 0, 0]
    assert (found.propensity[:, 0] == 1.0).all()
    assert any("1 decisions are left out: not applied (unknown_model)" in note for note in found.notes)
