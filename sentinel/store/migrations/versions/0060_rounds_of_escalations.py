"""When an escalation began anew, and whom it paged by the message of a link

Revision ID: 0060
Revises: 0059
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("escalation", sa.Column("round_at", Moment(), nullable=True))
    op.add_column(
        "acknowledge_link", sa.Column("person", sa.String(), nullable=False, server_default="")
    )


def downgrade() -> None:
    op.drop_column("acknowledge_link", "person")
    op.drop_column("escalation", "round_at")
