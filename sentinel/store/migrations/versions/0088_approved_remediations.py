"""Remediations that somebody approves first, and their limit an hour

Revision ID: 0088
Revises: 0087
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from sentinel.schema.columns import Moment

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    for column in (
        sa.Column("per_hour", sa.Integer(), nullable=True),
        sa.Column("approval", json, nullable=False, server_default="{}"),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=False, server_default=""),
        sa.Column("decided_at", Moment(), nullable=True),
    ):
        op.add_column("remedy", column)
    _index("status IN ('wanted', 'started', 'waits')")
    op.create_index("remedy_by_start", "remedy", ["started_at"])


def downgrade() -> None:
    op.drop_index("remedy_by_start", table_name="remedy")
    _index("status IN ('wanted', 'started')")
    for name in ("decided_at", "decided_by", "expires_at", "approval", "per_hour"):
        op.drop_column("remedy", name)


def _index(of: str) -> None:
    op.drop_index("remedy_open", table_name="remedy")
    op.create_index(
        "remedy_open", "remedy", ["status", "wanted_at"],
        sqlite_where=sa.text(of), postgresql_where=sa.text(of),
    )  # fmt: skip
