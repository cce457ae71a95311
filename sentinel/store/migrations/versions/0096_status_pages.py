"""Status pages and their days

Revision ID: 0096
Revises: 0095
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0096"
down_revision = "0095"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "status_page",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("saved_at", Moment(), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("written_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("ix_status_page_tenant", "status_page", ["tenant"])
    op.create_table(
        "status_day",
        sa.Column("page", sa.String(length=63), nullable=False),
        sa.Column("service", sa.String(length=100), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("worst", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Float(), nullable=False),
        sa.Column("down", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("page", "service", "day"),
    )


def downgrade() -> None:
    op.drop_table("status_day")
    op.drop_table("status_page")
