"""The end of a group's member that fired again before a channel heard of it

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("group_member", sa.Column("ended_seq", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("group_member", "ended_seq")
