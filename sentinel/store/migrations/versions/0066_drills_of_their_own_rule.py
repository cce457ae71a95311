"""Fire drills are alerts of a rule of their own

Revision ID: 0066
Revises: 0065
"""

from __future__ import annotations

from alembic import op

# ruff: noqa: S608 - the names and texts in these statements are ours

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Its trigger has the rollups of their hours summed up again.
    op.execute(f"UPDATE alert SET rule = 'sentinel-drill' WHERE rule = 'api' AND {_is_drill()}")


def downgrade() -> None:
    op.execute(f"UPDATE alert SET rule = 'api' WHERE rule = 'sentinel-drill' AND {_is_drill()}")


def _is_drill() -> str:
    """Return the condition on what `sentinel drill` opens: the label, and its title of it."""
    if op.get_context().dialect.name == "postgresql":
        label = "(labels ->> 'drill')"
    else:
        label = "CASE WHEN json_valid(labels) THEN json_extract(labels, '$.drill') END"
    return f"title = 'Drill: ' || {label}"
