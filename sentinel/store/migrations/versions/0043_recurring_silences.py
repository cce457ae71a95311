"""Silences that come again, and maintenance windows

Revision ID: 0043
Revises: 0042
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    op.add_column("silence", sa.Column("recurrence", json, nullable=False, server_default="{}"))
    op.add_column(
        "silence",
        sa.Column("maintenance", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    op.drop_column("silence", "maintenance")
    op.drop_column("silence", "recurrence")
