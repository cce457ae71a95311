"""Since when an alert is seen to be good, and until when a rule holds what people resolved

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("good_since", Moment(), nullable=True))
    op.add_column("rule", sa.Column("held_until", Moment(), nullable=True))


def downgrade() -> None:
    op.drop_column("rule", "held_until")
    op.drop_column("alert", "good_since")
