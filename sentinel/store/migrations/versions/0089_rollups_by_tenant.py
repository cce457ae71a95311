"""Rollups by tenant

Rules of two tenants may have one name. The sums that are there cannot be split, so they are
dropped: until the upkeep has summed the hours up again, figures are computed from the alerts.

Revision ID: 0089
Revises: 0088
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None


_TYPES: dict[str, Any] = {
    "kind": sa.String(10), "hours": sa.Integer(), "at": sa.Integer(), "name": sa.String(),
    "tenant": sa.String(),
}  # fmt: skip


def upgrade() -> None:
    _made_again("kind", "hours", "at", "name", "tenant")


def downgrade() -> None:
    _made_again("kind", "hours", "at", "name")


def _made_again(*key: str) -> None:
    """Drop the sums, and create their table with another primary key."""
    op.execute("DELETE FROM tally_hour")
    op.drop_table("tally")
    op.create_table(
        "tally",
        *(sa.Column(name, _TYPES[name], nullable=False) for name in key),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("critical", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("waited", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("lasted", sa.BigInteger(), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("ignored", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint(*key),
        sqlite_with_rowid=False,
    )
