"""Tables and columns of notifications get the names that the field uses

Revision ID: 0067
Revises: 0066
"""

from __future__ import annotations

from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

_TABLES = {
    "telling": "notification_log",
    "oncall_told": "oncall_notified",
    "oncall_told_ahead": "oncall_notified_ahead",
}
_COLUMNS = ("seq", "firing", "severity", "at", "acknowledged")


def upgrade() -> None:
    for before, after in _TABLES.items():
        op.rename_table(before, after)
    for name in _COLUMNS:
        op.execute(f"ALTER TABLE notification_log RENAME COLUMN told_{name} TO notified_{name}")


def downgrade() -> None:
    for name in _COLUMNS:
        op.execute(f"ALTER TABLE notification_log RENAME COLUMN notified_{name} TO told_{name}")
    for before, after in _TABLES.items():
        op.rename_table(after, before)
