"""What statistics of escalations count: team, highest level, and the first acknowledgement

Revision ID: 0065
Revises: 0064
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("team", sa.String(), nullable=False, server_default=""),
        sa.Column("drill", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("highest_level", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("answered_at", Moment(), nullable=True),
        sa.Column("answered_level", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("escalation", column)
    # What earlier rounds were is not known any more.
    op.execute(
        "UPDATE escalation SET highest_level = level, answered_at = acknowledged_at, "
        "answered_level = CASE WHEN acknowledged_at IS NULL THEN 0 ELSE level END"
    )
    op.create_index(
        "escalation_by_time",
        "escalation",
        [
            "opened_at", "drill", "tenant", "team", "policy", "highest_level", "answered_level",
            "answered_at",
        ],
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("escalation_by_time", table_name="escalation")
    for name in ("answered_level", "answered_at", "highest_level", "drill", "team"):
        op.drop_column("escalation", name)
