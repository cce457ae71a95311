"""Alerts that a person marked as noise, with the reason

Revision ID: 0061
Revises: 0060
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("noise_reason", sa.Text(), nullable=False, server_default=""))
    marked = sa.text("noise_reason <> ''")
    op.create_index(
        "alert_noise", "alert", ["opened_at", "rule"],
        sqlite_where=marked, postgresql_where=marked,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("alert_noise", table_name="alert")
    op.drop_column("alert", "noise_reason")
