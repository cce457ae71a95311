"""When a field of a rule that decides on its alerts and messages last changed

Revision ID: 0071
Revises: 0070
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rule", sa.Column("shaped_at", Moment(), nullable=True))


def downgrade() -> None:
    op.drop_column("rule", "shaped_at")
