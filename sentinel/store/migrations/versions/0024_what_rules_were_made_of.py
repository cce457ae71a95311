"""The words that a rule was made of, and answers to requests with an idempotency key

Revision ID: 0024
Revises: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sentinel.schema.columns import Moment

revision = "0024"
down_revision = "0025"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("rule", sa.Column("given", JSON, nullable=False, server_default="{}"))
    op.create_table(
        "answered_request",
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("path", sa.String(300), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("headers", JSON, nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "path", "key"),
    )
    op.create_index("ix_answered_request_until", "answered_request", ["until"])


def downgrade() -> None:
    op.drop_table("answered_request")
    op.drop_column("rule", "given")
