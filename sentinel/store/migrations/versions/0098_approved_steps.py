"""Runs of incidents' steps that somebody approves first

Revision ID: 0098
Revises: 0097
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from sentinel.schema.columns import Moment

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    op.add_column("incident_step", sa.Column("approval", json, nullable=False, server_default="{}"))
    op.add_column("incident_step", sa.Column("expires_at", Moment(), nullable=True))
    still_open = sa.text("status IN ('wanted', 'started', 'waits')")
    op.drop_index("incident_step_open", table_name="incident_step")
    op.create_index(
        "incident_step_open", "incident_step", ["status", "wanted_at"],
        sqlite_where=still_open, postgresql_where=still_open,
    )  # fmt: skip


def downgrade() -> None:
    raise NotImplementedError("restore a backup taken before the upgrade")
