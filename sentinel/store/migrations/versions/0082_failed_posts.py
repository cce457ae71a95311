"""Posted alerts that could not be applied, which are tried again

Revision ID: 0082
Revises: 0081
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("posted_batch") as batch:
        batch.add_column(sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("due_at", Moment(), nullable=True))
        batch.add_column(sa.Column("failed", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("posted_batch") as batch:
        for name in ("failed", "due_at", "tries"):
            batch.drop_column(name)
