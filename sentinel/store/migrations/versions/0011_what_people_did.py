"""An index over the timeline entries of people, which are few among those of rules

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BY_PEOPLE = sa.text("actor <> ''")


def upgrade() -> None:
    op.create_index(
        "timeline_by_people",
        "timeline",
        ["at", "id"],
        sqlite_where=BY_PEOPLE,
        postgresql_where=BY_PEOPLE,
    )


def downgrade() -> None:
    op.drop_index("timeline_by_people", table_name="timeline")
