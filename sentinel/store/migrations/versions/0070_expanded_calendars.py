"""The shifts of calendars that schedules follow, expanded when they are read

Revision ID: 0070
Revises: 0069
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "calendar_copy", sa.Column("expanded", sa.Text(), nullable=False, server_default="")
    )


def downgrade() -> None:
    op.drop_column("calendar_copy", "expanded")
