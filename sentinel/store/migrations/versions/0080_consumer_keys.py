"""Keys of the consumers of an API, their secrets, and the key that signs offline tokens

Revision ID: 0080
Revises: 0079
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sentinel.schema.columns import Moment

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "consumer_key",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(100), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("consumer", sa.String(200), nullable=False),
        sa.Column("plan", sa.String(80), nullable=False),
        sa.Column("permissions", json, nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=False),
    )
    op.create_index(
        "consumer_key_one_of_a_name",
        "consumer_key",
        ["tenant", "name"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "consumer_key_secret",
        sa.Column("prefix", sa.String(8), primary_key=True),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
    )
    op.create_index("ix_consumer_key_secret_key_id", "consumer_key_secret", ["key_id"])
    op.create_table(
        "consumer_key_signer",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("consumer_key_signer")
    op.drop_index("ix_consumer_key_secret_key_id", "consumer_key_secret")
    op.drop_table("consumer_key_secret")
    op.drop_index("consumer_key_one_of_a_name", "consumer_key")
    op.drop_table("consumer_key")
