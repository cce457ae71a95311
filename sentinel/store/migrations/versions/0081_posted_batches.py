"""Batches of alerts that were posted as to an Alertmanager

Revision ID: 0081
Revises: 0080
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from sentinel.schema.columns import Moment

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "posted_batch",
        sa.Column("id", sa.String(length=32), nullable=False, primary_key=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("ends", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
    )
    op.create_index("ix_posted_batch_until", "posted_batch", ["until"])
    op.create_index(
        "posted_batch_pending",
        "posted_batch",
        ["id"],
        sqlite_where=sa.text("pending"),
        postgresql_where=sa.text("pending"),
    )


def downgrade() -> None:
    op.drop_table("posted_batch")
