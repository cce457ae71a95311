"""Indexes for counts of live alerts and for figures of a period

The index of live alerts holds the counted columns beside its order, so that the figures on every
screen are read from it alone. Alerts resolved in a period were found rule by rule before.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

LIVE = sa.text("status <> 'resolved'")
OVER = sa.text("resolved_at IS NOT NULL")
ORDER = ["severity", "opened_at", "id"]
COUNTED = ["status", "suppressed_until", "escalation_level"]


def _live(columns: list[str]) -> None:
    op.drop_index("alert_live", table_name="alert")
    op.create_index("alert_live", "alert", columns, sqlite_where=LIVE, postgresql_where=LIVE)


def upgrade() -> None:
    _live(ORDER + COUNTED)
    op.create_index(
        "alert_ended",
        "alert",
        ["resolved_at", "opened_at"],
        sqlite_where=OVER,
        postgresql_where=OVER,
    )


def downgrade() -> None:
    op.drop_index("alert_ended", table_name="alert")
    _live(ORDER)
