"""Outcomes of notification decisions

Revision ID: 0030
Revises: 0029
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notification_outcome",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("group_id", sa.String(), nullable=False),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("next_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notification_outcome_by_group", "notification_outcome", ["group_id", "id"])
    op.create_index("notification_outcome_by_time", "notification_outcome", ["at"])


def downgrade() -> None:
    op.drop_table("notification_outcome")
