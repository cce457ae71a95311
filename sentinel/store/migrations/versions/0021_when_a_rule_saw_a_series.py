"""When a rule last saw a series

What was evaluated before is taken to have seen one, since nobody can tell.

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rule", sa.Column("saw_at", Moment(), nullable=True))
    op.execute("UPDATE rule SET saw_at = evaluated_at")


def downgrade() -> None:
    op.drop_column("rule", "saw_at")
