"""Limits of an API under a name, by version

Revision ID: 0083
Revises: 0082
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, key in (("api_limit_set", False), ("api_limit_set_version", True)):
        op.create_table(
            table,
            sa.Column("tenant", sa.String(100), primary_key=True),
            sa.Column("name", sa.String(80), primary_key=True),
            sa.Column(
                "version", sa.Integer(), primary_key=key, autoincrement=False, nullable=False
            ),
            sa.Column("document", sa.Text(), nullable=False),
            sa.Column("note", sa.String(2000), nullable=False),
            sa.Column("saved_at", Moment(), nullable=False),
            sa.Column("saved_by", sa.String(), nullable=False),
        )


def downgrade() -> None:
    op.drop_table("api_limit_set_version")
    op.drop_table("api_limit_set")
