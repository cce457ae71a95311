"""The newest canary of each door

Revision ID: 0100
Revises: 0099
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0100"
down_revision = "0099"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "door_canary",
        sa.Column("door", sa.String(length=20), nullable=False),
        sa.Column("marker", sa.String(length=64), nullable=False),
        sa.Column("sent_at", Moment(), nullable=False),
        sa.Column("every", sa.Float(), nullable=False),
        sa.Column("within", sa.Float(), nullable=False),
        sa.Column("arrived_at", Moment(), nullable=True),
        sa.Column("last_at", Moment(), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("door"),
    )


def downgrade() -> None:
    op.drop_table("door_canary")
