"""Whose a rule is by the tag of its deployment, and the work pool where it ran

Revision ID: 0045
Revises: 0044
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("tagged_owner", "work_pool"):
        op.add_column("rule", sa.Column(name, sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    for name in ("work_pool", "tagged_owner"):
        op.drop_column("rule", name)
