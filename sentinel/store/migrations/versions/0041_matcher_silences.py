"""Silences by matchers, and the members of groups that they mute

Revision ID: 0041
Revises: 0040
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from sentinel.schema.columns import Moment

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    for column in (
        sa.Column("matchers", json, nullable=False, server_default="[]"),
        sa.Column("starts_at", Moment(), nullable=True),
        sa.Column("team", sa.String(), nullable=False, server_default=""),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("change", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("silence", column)
    op.execute("UPDATE silence SET starts_at = created_at")
    with op.batch_alter_table("silence") as table:
        table.alter_column("starts_at", existing_type=Moment(), nullable=False)
    op.create_index("silence_by_change", "silence", ["change"])
    op.add_column(
        "group_member", sa.Column("muted", sa.String(), nullable=False, server_default="")
    )
    op.add_column(
        "group_member", sa.Column("muted_by", sa.String(), nullable=False, server_default="")
    )
    op.add_column("group_member", sa.Column("muted_until", Moment(), nullable=True))
    op.create_index(
        "group_member_muted", "group_member", ["muted_by"],
        sqlite_where=sa.text("muted_by <> ''"), postgresql_where=sa.text("muted_by <> ''"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("group_member_muted", table_name="group_member")
    for name in ("muted_until", "muted_by", "muted"):
        op.drop_column("group_member", name)
    op.execute("DELETE FROM silence WHERE rule = ''")
    op.drop_index("silence_by_change", table_name="silence")
    for name in ("change", "version", "team", "starts_at", "matchers"):
        op.drop_column("silence", name)
