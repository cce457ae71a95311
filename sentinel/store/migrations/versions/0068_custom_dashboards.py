"""Custom dashboards of people and teams

Revision ID: 0068
Revises: 0067
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "custom_dashboard",
        sa.Column("owner", sa.String(200), primary_key=True),
        sa.Column("tenant", sa.String(100), primary_key=True),
        sa.Column("team", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("saved_at", Moment(), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("custom_dashboard")
