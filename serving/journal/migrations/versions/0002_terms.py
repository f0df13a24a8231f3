"""Arms, policy and prices by version, so that a decision can be made again from its row alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "terms",
        sa.Column("version", sa.String(255), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("arms", "policy", "prices")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("terms")
