"""Bounces that vendors of mail post over HTTP

Revision ID: 0054
Revises: 0053
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from sentinel.schema.columns import Moment

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "posted_bounce",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("bounces", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_posted_bounce_received_at", "posted_bounce", ["received_at"])


def downgrade() -> None:
    op.drop_index("ix_posted_bounce_received_at", "posted_bounce")
    op.drop_table("posted_bounce")
