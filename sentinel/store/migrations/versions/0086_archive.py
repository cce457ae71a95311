"""The archive of resolved alerts: its files, what was taken out of them, legal holds

Revision ID: 0086
Revises: 0085
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "archive_file",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("revision", sa.String(), nullable=False),
        sa.Column("first_at", Moment(), nullable=False),
        sa.Column("last_at", Moment(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
    )
    op.create_index("archive_file_by_time", "archive_file", ["kind", "state", "last_at"])
    op.create_table(
        "archive_taken",
        sa.Column("file_id", sa.String(32), primary_key=True),
        sa.Column("record_id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("taken_at", Moment(), nullable=False),
        sa.Column("taken_by", sa.String(), nullable=False),
        sa.Column("keep_until", Moment(), nullable=False),
    )
    op.create_index("archive_taken_by_record", "archive_taken", ["record_id"])
    op.create_table(
        "archive_hold",
        sa.Column("tenant", sa.String(100), primary_key=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", Moment(), nullable=False),
    )


def downgrade() -> None:
    for name in ("archive_hold", "archive_taken", "archive_file"):
        op.drop_table(name)
