"""Drafts of the routes that run beside the active ones, and what they would have done

Revision ID: 0048
Revises: 0047
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from sentinel.schema.columns import Moment

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "route_shadow",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("stopped_by", sa.String(), nullable=False),
        sa.Column("stopped_at", Moment(), nullable=True),
        sa.Column("looked_until", Moment(), nullable=False),
        sa.Column("looked_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "route_shadow_outcome",
        sa.Column("shadow", sa.String(length=32), nullable=False),
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("receiver", sa.String(length=100), nullable=False),
        sa.Column("way", sa.String(length=32), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("by_active", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("policy", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("shadow", "alert_id", "receiver", "way"),
    )
    op.create_index("route_shadow_by_time", "route_shadow_outcome", ["shadow", "opened_at"])
    op.create_index(
        "route_shadow_due", "route_shadow_outcome", ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("route_shadow_outcome")
    op.drop_table("route_shadow")
