"""How long the check of a rule's last evaluation took

Revision ID: 0063
Revises: 0062
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rule", sa.Column("check_seconds", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("rule", "check_seconds")
