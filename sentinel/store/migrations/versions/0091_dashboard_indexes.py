"""Indexes for what every page of the dashboard reads: unread messages, and the audit by kind

Revision ID: 0091
Revises: 0090
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None

_UNREAD = sa.text("read_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "inbox_unread", "inbox", ["group_id"], sqlite_where=_UNREAD, postgresql_where=_UNREAD
    )
    op.create_index("audit_by_kind", "audit", ["object_kind", "id"])


def downgrade() -> None:
    op.drop_index("audit_by_kind", table_name="audit")
    op.drop_index("inbox_unread", table_name="inbox")
