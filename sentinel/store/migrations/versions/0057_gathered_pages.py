"""Pages that another one stands for

Revision ID: 0057
Revises: 0056
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "escalation_page",
        sa.Column("gathered_in", sa.String(length=32), nullable=False, server_default=""),
    )
    for name, column, where in (
        ("escalation_page_gathered", "gathered_in", "gathered_in <> ''"),
        ("escalation_page_attempted", "attempted_at", "attempted_at IS NOT NULL"),
    ):
        op.create_index(
            name, "escalation_page", [column],
            sqlite_where=sa.text(where), postgresql_where=sa.text(where),
        )  # fmt: skip


def downgrade() -> None:
    op.drop_index("escalation_page_attempted", table_name="escalation_page")
    op.drop_index("escalation_page_gathered", table_name="escalation_page")
    op.drop_column("escalation_page", "gathered_in")
