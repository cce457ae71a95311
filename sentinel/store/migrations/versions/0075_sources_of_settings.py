"""Whether the document in Git or somebody elsewhere set a limit of messages or a template

Revision ID: 0075
Revises: 0074
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

_TABLES = ("message_limit", "message_template")


def upgrade() -> None:
    for table in _TABLES:
        source = sa.Column("source", sa.String(length=10), nullable=False, server_default="ui")
        op.add_column(table, source)


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "source")
