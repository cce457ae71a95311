"""What the runs of remediations and of incidents' steps said of their end and changed

Revision ID: 0097
Revises: 0096
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0097"
down_revision = "0096"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("remedy", "incident_step"):
        op.add_column(table, sa.Column("outcome", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    raise NotImplementedError("restore a backup taken before the upgrade")
