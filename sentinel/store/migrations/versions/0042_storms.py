"""Storms of alerts, by receiver

Revision ID: 0042
Revises: 0041
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "storm",
        sa.Column("receiver", sa.String(length=100), nullable=False),
        sa.Column("began_at", Moment(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("receiver"),
    )


def downgrade() -> None:
    op.drop_table("storm")
