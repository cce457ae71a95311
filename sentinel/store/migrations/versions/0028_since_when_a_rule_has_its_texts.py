"""Since when a rule has its texts

Alerts that were not seen since then still have the texts of before.

Revision ID: 0028
Revises: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0028"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rule", sa.Column("texts_since", Moment(), nullable=True))


def downgrade() -> None:
    op.drop_column("rule", "texts_since")
