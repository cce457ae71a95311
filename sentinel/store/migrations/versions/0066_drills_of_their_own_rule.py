"""Fire drills that are over are alerts of a rule of their own

Revision ID: 0066
Revises: 0065
"""

from __future__ import annotations

from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Its trigger has the rollups of their hours summed up again.
    op.execute(
        "UPDATE alert SET rule = 'sentinel-drill' WHERE rule = 'api' AND status = 'resolved' "
        "AND title LIKE 'Drill: %' AND CAST(labels AS TEXT) LIKE '%\"drill\"%'"
    )


def downgrade() -> None:
    op.execute("UPDATE alert SET rule = 'api' WHERE rule = 'sentinel-drill'")
