"""Notices, and what receivers were told of silences

Revision ID: 0052
Revises: 0051
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from sentinel.schema.columns import Moment

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("once", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.String(length=200), nullable=False),
        sa.Column("receiver", sa.String(length=100), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("body", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("claimed_until", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("once"),
    )
    op.create_index("notice_by_about", "notice", ["about", "id"])
    op.create_index("notice_by_time", "notice", ["created_at"])
    op.create_index(
        "notice_due", "notice", ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )  # fmt: skip
    op.create_table(
        "silence_announcement",
        sa.Column("silence", sa.String(length=32), nullable=False),
        sa.Column("receiver", sa.String(length=100), nullable=False),
        sa.Column("window", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("begun_at", Moment(), nullable=False),
        sa.Column("ending_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("silence", "receiver", "window"),
    )
    op.create_index(
        "silence_announcement_open", "silence_announcement", ["silence"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )  # fmt: skip
    op.add_column(
        "silence", sa.Column("announce", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("silence", "announce")
    op.drop_table("silence_announcement")
    op.drop_table("notice")
