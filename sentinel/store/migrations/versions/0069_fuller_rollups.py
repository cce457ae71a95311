"""Rollups of low and ignored alerts, and all figures of teams, categories and severities

What is summed up already lacks these, so all hours are summed up anew; until then figures are
computed from the alerts, as ever.

Revision ID: 0069
Revises: 0068
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("low", "ignored"):
        op.add_column("tally", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    _sum_up_anew()


def downgrade() -> None:
    for name in ("low", "ignored"):
        op.drop_column("tally", name)
    _sum_up_anew()


def _sum_up_anew() -> None:
    op.execute("DELETE FROM tally_hour")
    op.execute("DELETE FROM tally")
