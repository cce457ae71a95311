"""The firing alerts that are sources of inhibition rules

Revision ID: 0044
Revises: 0043
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inhibition_source",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("both", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", "alert_id"),
    )
    op.create_index("inhibition_source_by_alert", "inhibition_source", ["alert_id"])


def downgrade() -> None:
    op.drop_table("inhibition_source")
