"""SLOs: definitions, their versions, and the events that they count

Revision ID: 0073
Revises: 0072
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "slo",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(100), nullable=False),
        sa.Column("team", sa.String(100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("saved_at", Moment(), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
        sa.Column("counted_until", Moment(), nullable=True),
    )
    op.create_index("ix_slo_tenant", "slo", ["tenant"])
    op.create_table(
        "slo_version",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("saved_at", Moment(), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
    )
    op.create_table(
        "slo_count",
        sa.Column("slo", sa.String(80), primary_key=True),
        sa.Column("at", sa.BigInteger(), primary_key=True),
        sa.Column("good", sa.Float(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("slo_count")
    op.drop_table("slo_version")
    op.drop_index("ix_slo_tenant", "slo")
    op.drop_table("slo")
