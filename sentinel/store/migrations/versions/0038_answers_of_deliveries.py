"""What came of a delivery: how long it took, what was answered, and whether anything was

Revision ID: 0038
Revises: 0037
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("latency_ms", sa.Integer(), nullable=True))
    op.add_column("delivery", sa.Column("answer", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "delivery",
        sa.Column("unanswered", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    for name in ("unanswered", "answer", "latency_ms"):
        op.drop_column("delivery", name)
