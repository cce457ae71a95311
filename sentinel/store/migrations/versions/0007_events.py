"""Events in blocks, the ids that came before, and the policies that match them

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from sentinel.schema.columns import Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_tail",
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.create_table(
        "event_block",
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("keep_until", Moment(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "seq"),
    )
    op.create_index("event_block_keep", "event_block", ["keep_until"])
    op.create_table(
        "event_seen",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_pack",
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("spec", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("matched_at", Moment(), nullable=True),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name"),
    )
    op.create_table(
        "policy_memory",
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("memory", sa.LargeBinary(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("keep_until", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "rule", "key"),
    )
    op.create_index("policy_memory_keep", "policy_memory", ["keep_until"])
    op.create_index("policy_memory_due", "policy_memory", ["due_at"])
    if op.get_context().dialect.name == "postgresql":
        # Blocks are deflated already.
        op.execute("ALTER TABLE event_block ALTER COLUMN data SET STORAGE EXTERNAL")


def downgrade() -> None:
    for table in ("policy_memory", "event_pack", "event_seen", "event_block", "event_tail"):
        op.drop_table(table)
