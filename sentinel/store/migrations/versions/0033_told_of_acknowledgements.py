"""Whether a channel's last message said that all that fires is acknowledged

Revision ID: 0033
Revises: 0032
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Channels that know of an acknowledgement by now are notified of it once.
    op.add_column(
        "telling",
        sa.Column("told_acknowledged", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    with op.batch_alter_table("telling") as table:
        table.drop_column("told_acknowledged")
