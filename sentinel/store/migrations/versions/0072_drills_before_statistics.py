"""Escalations from before there were statistics of them get their team, and whether of a drill

Revision ID: 0072
Revises: 0071
"""

from __future__ import annotations

from alembic import op

# ruff: noqa: S608 - the names and texts in these statements are ours

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None

_ALERTS = (
    "FROM group_member JOIN alert ON alert.id = group_member.alert_id "
    "WHERE group_member.group_id = escalation.group_id"
)


def upgrade() -> None:
    # What has a team was opened with both. A group of several teams has none here.
    op.execute(
        f"UPDATE escalation SET drill = EXISTS (SELECT 1 {_ALERTS} "
        "AND alert.rule = 'sentinel-drill'), "
        "team = COALESCE((SELECT CASE WHEN MIN(alert.team) = MAX(alert.team) "
        f"THEN MIN(alert.team) END {_ALERTS}), '') WHERE team = ''"
    )


def downgrade() -> None:
    """Leave both: what is filled in was so before, too."""
