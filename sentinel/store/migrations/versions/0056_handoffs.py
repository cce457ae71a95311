"""What people were told of handoffs

Revision ID: 0056
Revises: 0055
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "oncall_told",
        sa.Column("schedule", sa.String(length=100), nullable=False),
        sa.Column("people", sa.Text(), nullable=False),
        sa.Column("looked_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("schedule"),
    )
    op.create_table(
        "oncall_told_ahead",
        sa.Column("schedule", sa.String(length=100), nullable=False),
        sa.Column("person", sa.String(length=100), nullable=False),
        sa.Column("comes", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("ahead_seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "person", "comes", "at"),
    )


def downgrade() -> None:
    op.drop_table("oncall_told_ahead")
    op.drop_table("oncall_told")
