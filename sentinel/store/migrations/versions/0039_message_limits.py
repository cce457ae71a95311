"""Limits of messages a minute, and the summaries of what they hold back

Revision ID: 0039
Revises: 0038
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message_limit",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name"),
    )
    op.add_column(
        "telling", sa.Column("summary", sa.String(length=32), nullable=False, server_default="")
    )


def downgrade() -> None:
    with op.batch_alter_table("telling") as table:
        table.drop_column("summary")
    op.drop_table("message_limit")
