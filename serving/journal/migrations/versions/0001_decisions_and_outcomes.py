"""Decisions and outcomes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXTS = ("arm", "model", "effort", "bucket", "policy", "bundle_id")
_NUMBERS = (
    "propensity",
    "support",
    "expected_success",
    "expected_cost_usd",
    "expected_output_tokens",
    "expected_latency_p95_ms",
)


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.String(64), primary_key=True),
        sa.Column("decided_at", sa.Double, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        *(sa.Column(name, sa.Double, nullable=False) for name in _NUMBERS),
        sa.Column("elapsed_us", sa.BigInteger, nullable=False),
        sa.Column("prompt_id", sa.String(64), nullable=False),
        *(sa.Column(n, sa.Text) for n in ("messages", "fallback", "tenant", "session_id", "task", "reason", "replay")),
        sa.Column("shadow_bundle_id", sa.Text),
        sa.Column("shadow_arm", sa.Text),
    )
    op.create_index("decisions_decided_at", "decisions", ["decided_at"])
    op.create_index("decisions_tenant", "decisions", ["tenant"])
    op.create_index("decisions_session", "decisions", ["session_id"])
    op.create_table(
        "outcomes",
        sa.Column("decision_id", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(32), primary_key=True),
        sa.Column("reported_at", sa.Double, nullable=False),
        *(sa.Column(name, sa.Double) for name in ("success", "cost_usd", "gpu_seconds", "latency_ms")),
        *(
            sa.Column(name, sa.BigInteger)
            for name in ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "retries")
        ),
        *(sa.Column(name, sa.Text) for name in ("failure_mode", "arm", "model")),
    )
    op.create_index("outcomes_reported_at", "outcomes", ["reported_at"])


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("outcomes")
    op.drop_table("decisions")
