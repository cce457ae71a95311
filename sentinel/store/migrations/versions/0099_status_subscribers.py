"""Subscribers of status pages, and what they are sent

Revision ID: 0099
Revises: 0098
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from sentinel.schema.columns import Moment

revision = "0099"
down_revision = "0098"
branch_labels = None
depends_on = None


def _json() -> sa.types.TypeEngine[object]:
    return sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "status_subscriber",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("page", sa.String(length=63), nullable=False),
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("target", sa.String(length=500), nullable=False),
        sa.Column("target_hash", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("services", _json(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("confirmed_at", Moment(), nullable=True),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index(
        "status_subscriber_once", "status_subscriber", ["page", "kind", "target_hash"], unique=True
    )
    op.create_table(
        "status_news",
        sa.Column("page", sa.String(length=63), nullable=False),
        sa.Column("entry", sa.String(length=32), nullable=False),
        sa.Column("body", _json(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("page", "entry"),
    )
    op.create_table(
        "status_delivery",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subscriber", sa.String(length=32), nullable=False),
        sa.Column("page", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("says", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("claimed_until", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("status_delivery_once", "status_delivery", ["subscriber", "says"], unique=True)
    op.create_index("status_delivery_by_time", "status_delivery", ["created_at"])
    op.create_index(
        "status_delivery_due", "status_delivery", ["kind", "due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("status_delivery")
    op.drop_table("status_news")
    op.drop_table("status_subscriber")
