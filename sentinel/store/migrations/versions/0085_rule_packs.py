"""The pack that a rule is a member of

Revision ID: 0085
Revises: 0084
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("rule") as batch:
        batch.add_column(sa.Column("pack", sa.String(100), nullable=False, server_default=""))
        batch.create_index("ix_rule_pack", ["tenant", "pack"])


def downgrade() -> None:
    with op.batch_alter_table("rule") as batch:
        batch.drop_index("ix_rule_pack")
        batch.drop_column("pack")
