"""The audit trail: rows, pseudonyms, the end of the chain and checkpoints, append-only

Revision ID: 0023
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment
from sentinel.store.migrations.audit_triggers import create_triggers, drop_triggers

revision = "0023"
down_revision = "0024"
branch_labels = None
depends_on = None

WAITING = sa.text("hash IS NULL")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("door", sa.String(20), nullable=False),
        sa.Column("tenant", sa.String(100), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("object_kind", sa.String(30), nullable=False),
        # Once 100 characters, which 0029 widens; SQLite took longer ones, and so may its backups.
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True, unique=True),
        sa.Column("chained_at", Moment(), nullable=True),
        sa.Column("previous", sa.String(64), nullable=True),
        sa.Column("hash", sa.String(64), nullable=True),
    )
    op.create_index(
        "audit_waiting", "audit", ["id"], sqlite_where=WAITING, postgresql_where=WAITING
    )
    op.create_index("audit_by_actor", "audit", ["actor", "id"])
    op.create_index("audit_by_object", "audit", ["object_kind", "object_id", "id"])
    op.create_table(
        "audit_person",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(200), nullable=True, unique=True),
        sa.Column("salt", sa.String(32), nullable=True),
    )
    op.create_table(
        "audit_head",
        sa.Column("name", sa.String(20), primary_key=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("signature", sa.String(64), nullable=False),
    )
    create_triggers(op.get_bind())


def downgrade() -> None:
    drop_triggers(op.get_bind())
    for table in ("audit_checkpoint", "audit_head", "audit_person", "audit"):
        op.drop_table(table)
