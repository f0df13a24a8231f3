"""Journal rows with plausible values."""

from __future__ import annotations

from typing import Any

from serving.journal.rows import DecisionRow


def decision(decision_id: str, **changes: Any) -> DecisionRow:
    values: dict[str, Any] = {
        "decision_id": decision_id,
        "decided_at": 1000.0,
        "arm": "direct",
        "model": "gpt-5.1",
        "effort": "none",
        "bucket": "avoid",
        "propensity": 0.98,
        "reason": "",
        "policy": "default",
        "bundle_id": "b",
        "support": 0.5,
        "fallback": None,
        "elapsed_us": 140,
        "tenant": None,
        "session_id": None,
        "task": None,
        "prompt_id": "",
        "expected_success": 0.9,
        "expected_cost_usd": 0.001,
        "expected_output_tokens": 100.0,
        "expected_latency_p95_ms": 900.0,
    }
    return DecisionRow(**{**values, **changes})
