"""Whether the events of a block were sent as events, or are log lines that a policy matched

Revision ID: 0077
Revises: 0076
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    source = sa.Column("source", sa.String(length=5), nullable=False, server_default="event")
    op.add_column("event_block", source)


def downgrade() -> None:
    op.drop_column("event_block", "source")
