"""An index of the flow runs of alerts whose end is not known yet

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

OPEN = sa.text("flow_run_id IS NOT NULL AND flow_run_state IS NULL")


def upgrade() -> None:
    op.create_index(
        "alert_run_open", "alert", ["flow_run_id"], sqlite_where=OPEN, postgresql_where=OPEN
    )


def downgrade() -> None:
    op.drop_index("alert_run_open", table_name="alert")
