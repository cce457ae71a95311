"""Audit rows of objects with long ids; triggers against an emptied trail and a moved end

Revision ID: 0029
Revises: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment
from sentinel.store.migrations.audit_triggers import create_triggers, drop_triggers

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

WAITING = sa.text("hash IS NULL")


def upgrade() -> None:
    connection = op.get_bind()
    # They name the column: PostgreSQL does not change its type meanwhile.
    drop_triggers(connection)
    if connection.dialect.name == "postgresql":
        op.alter_column("audit", "object_id", type_=sa.Text(), existing_nullable=False)
    else:
        _rebuild()
    create_triggers(connection)


def _rebuild() -> None:
    """Copy the rows to a new table: SQLite changes no column's type."""
    op.rename_table("audit", "audit_before")
    columns = (
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("door", sa.String(20), nullable=False),
        sa.Column("tenant", sa.String(100), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("object_kind", sa.String(30), nullable=False),
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
    op.create_table("audit", *columns)
    names = ", ".join(f'"{column.name}"' for column in columns)
    op.execute(f"INSERT INTO audit ({names}) SELECT {names} FROM audit_before")  # noqa: S608 - names are ours
    op.drop_table("audit_before")
    op.create_index(
        "audit_waiting", "audit", ["id"], sqlite_where=WAITING, postgresql_where=WAITING
    )
    op.create_index("audit_by_actor", "audit", ["actor", "id"])
    op.create_index("audit_by_object", "audit", ["object_kind", "object_id", "id"])


def downgrade() -> None:
    """Leave all as it is: cutting an id that is in a hash would break the chain."""
