"""What was really asked of the provider, the probabilities of the draw, and who judged an outcome.

Every column may be null, so that a server of an earlier version can still write to the tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_DECISION_TEXTS = ("applied_model", "applied_effort", "applied_arm", "not_applied", "propensities")
_OUTCOME_TEXTS = ("source", "applied_effort", "applied_model")


def upgrade() -> None:
    """Add the columns."""
    for name in _DECISION_TEXTS:
        op.add_column("decisions", sa.Column(name, sa.Text))
    op.add_column("decisions", sa.Column("applied_propensity", sa.Double))
    for name in _OUTCOME_TEXTS:
        op.add_column("outcomes", sa.Column(name, sa.Text))


def downgrade() -> None:
    """Drop the columns."""
    for name in _OUTCOME_TEXTS:
        op.drop_column("outcomes", name)
    for name in (*_DECISION_TEXTS, "applied_propensity"):
        op.drop_column("decisions", name)
