"""For which periods the digests of teams were made

Revision ID: 0055
Revises: 0054
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "digest_run",
        sa.Column("team", sa.String(length=100), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("team", "until"),
    )


def downgrade() -> None:
    op.drop_table("digest_run")
