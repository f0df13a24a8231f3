"""Evidence that can be computed by hand, and a journal of a policy that explores."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.decision.policy.policy import Exploration
from serving.decision.selection.runtime_state import RuntimeState
from serving.journal.rows import JournalEntry, OutcomeRow
from tests.support.journal_rows import decision as decision_row
from tests.support.policy_cases import NOW, ask, engine, forecast, policy
from training.savings.evidence import Evidence


def evidence(success: Any, cost: Any, latency: Any, chosen: Any, **more: Any) -> Evidence:
    success, cost, latency = (np.array(table, np.float64) for table in (success, cost, latency))
    told: dict[str, Any] = {
        "kind": "paired history",
        "arms": ("direct", "reasoning"),
        "policy": "p",
        "propensity": np.ones_like(success),
        "forecast_success": np.full_like(success, 0.5),
        "forecast_cost_usd": np.full_like(success, 0.1),
        "tasks": np.full(len(success), None, object),
        "tenants": np.full(len(success), None, object),
        "per_day": 100.0,
        "assumed": False,
    }
    return Evidence(
        success=success, cost_usd=cost, latency_ms=latency, chosen=np.array(chosen, np.int64), **(told | more)
    )


FOUR = evidence(
    success=[[1, 1], [0, 1], [0, 0], [1, 1]],
    cost=[[0.1, 1.0], [0.1, 2.0], [0.1, 3.0], [0.1, 4.0]],
    latency=[[100, 1000], [200, 2000], [300, 3000], [400, 4000]],
    chosen=[0, 1, 0, 0],
)


def entries(n: int = 60) -> list[JournalEntry]:
    """Decisions that explore, with an outcome each: reasoning succeeds, direct fails half of the time."""
    made = engine(
        forecast((0.1, 0.2)), policy(low_support="explore", min_support=1.0, exploration=Exploration(explore=0.9))
    )
    found = []
    for place in range(n):
        decided = made.decide_recorded(
            ask(tenant="acme", task="maths"), RuntimeState(input_tokens=1000, uniform=(place + 0.5) / n)
        )
        decision, record = decided.decision, decided.record
        assert record is not None
        row = decision_row(
            decision.decision_id,
            decided_at=NOW + place * 7200,
            arm=decision.arm,
            model=decision.model,
            effort=decision.effort,
            bucket=decision.bucket,
            propensity=decision.propensity,
            policy=decision.policy,
            replay=record.to_json().decode(),
            task="maths",
            tenant="acme",
        )
        outcome = OutcomeRow(
            row.decision_id, NOW, success=float(decision.arm != "direct" or place % 2), input_tokens=1000,
            output_tokens=1000, latency_ms=500.0,
        )  # fmt: skip
        found.append(JournalEntry(row, outcome))
    return found
