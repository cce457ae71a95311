"""Since which seq of its group a member is muted, and which channels know it

Revision ID: 0047
Revises: 0046
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("group_member", sa.Column("muted_seq", sa.Integer(), nullable=True))
    op.add_column("group_member", sa.Column("heard_seq", sa.Integer(), nullable=True))
    op.add_column(
        "group_member", sa.Column("known_to", sa.String(), nullable=False, server_default="")
    )
    op.create_index(
        "group_member_unheard", "group_member", ["group_id"],
        sqlite_where=sa.text("muted_seq IS NOT NULL"),
        postgresql_where=sa.text("muted_seq IS NOT NULL"),
    )  # fmt: skip
    # Since when what is muted now is muted was not kept, so it is as if that had begun with it.
    now = sa.bindparam("now", datetime.now(UTC), type_=Moment())
    op.execute(
        sa.text(
            "UPDATE group_member SET muted_seq = fired_seq WHERE resolved_seq IS NULL AND "
            "(muted_until > :now OR alert_id IN "
            "(SELECT id FROM alert WHERE suppressed_until > :now))"
        ).bindparams(now)
    )


def downgrade() -> None:
    op.drop_index("group_member_unheard", table_name="group_member")
    for name in ("known_to", "heard_seq", "muted_seq"):
        op.drop_column("group_member", name)
