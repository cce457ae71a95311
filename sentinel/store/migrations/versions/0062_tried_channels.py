"""Whether a channel has ever taken a message, and whether its block is there

Revision ID: 0062
Revises: 0061
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("channel_health", sa.Column("accepted_at", Moment(), nullable=True))
    op.add_column(
        "channel_health",
        sa.Column("missing", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.execute("UPDATE channel_health SET accepted_at = recovered_at")
    # What took a message before this was noted, as far as deliveries are still kept.
    op.execute(
        "INSERT INTO channel_health (channel, failures, refusing, probes, error, missing, "
        "accepted_at) SELECT channel, 0, false, 0, '', false, MIN(started_at) FROM delivery "
        "WHERE state = 'sent' AND channel NOT IN (SELECT channel FROM channel_health) "
        "GROUP BY channel"
    )


def downgrade() -> None:
    # Before, only channels that had failed had a row, and a row said that one had.
    op.execute("DELETE FROM channel_health WHERE failed_at IS NULL")
    op.drop_column("channel_health", "missing")
    op.drop_column("channel_health", "accepted_at")
