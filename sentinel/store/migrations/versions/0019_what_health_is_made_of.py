"""Whether a rule is paused in Prefect, and whether its check lists only what is wrong

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("paused", "closed_world"):
        op.add_column(
            "rule", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    op.drop_column("rule", "closed_world")
    op.drop_column("rule", "paused")
