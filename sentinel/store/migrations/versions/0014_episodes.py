"""When an episode began and ended, as the system says that reports it

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("started_at", Moment(), nullable=True))
    op.create_table(
        "episode_end",
        sa.Column("fingerprint", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(100), nullable=False),
        sa.Column("rule", sa.String(100), nullable=False),
        sa.Column("ended_at", Moment(), nullable=False),
        sa.Column("taken_at", Moment(), nullable=False),
    )
    op.create_index("episode_end_by_rule", "episode_end", ["tenant", "rule", "taken_at"])


def downgrade() -> None:
    op.drop_table("episode_end")
    op.drop_column("alert", "started_at")
