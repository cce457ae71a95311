"""Resolved alerts by fingerprint

A message names few alerts, and their last episodes are read by fingerprint: without an index, all
that a rule resolved lately were read for each message.

Revision ID: 0026
Revises: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    resolved = sa.text("status = 'resolved'")
    op.create_index(
        "alert_resolved_print",
        "alert",
        ["fingerprint", "resolved_at"],
        sqlite_where=resolved,
        postgresql_where=resolved,
    )


def downgrade() -> None:
    op.drop_index("alert_resolved_print", table_name="alert")
