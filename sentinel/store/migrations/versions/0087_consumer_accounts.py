"""Accounts of consumers, their sessions, the rules of registration, and whose a key is

Revision ID: 0087
Revises: 0086
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consumer_rules",
        sa.Column("tenant", sa.String(100), primary_key=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("saved_at", Moment(), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
    )
    op.create_table(
        "consumer_account",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(100), nullable=False),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("password_hash", sa.String(300), nullable=False),
        sa.Column("plan", sa.String(100), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("login_at", Moment(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=False),
    )
    op.create_index("consumer_account_name", "consumer_account", ["tenant", "name"], unique=True)
    op.create_table(
        "consumer_session",
        sa.Column("secret_hash", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("ends_at", Moment(), nullable=False),
    )
    op.create_index("ix_consumer_session_account", "consumer_session", ["account"])
    op.add_column(
        "consumer_key",
        sa.Column("account", sa.String(32), nullable=False, server_default=""),
    )
    op.create_index("ix_consumer_key_account", "consumer_key", ["account"])


def downgrade() -> None:
    op.drop_index("ix_consumer_key_account", "consumer_key")
    with op.batch_alter_table("consumer_key") as table:
        table.drop_column("account")
    op.drop_index("ix_consumer_session_account", "consumer_session")
    op.drop_table("consumer_session")
    op.drop_index("consumer_account_name", "consumer_account")
    op.drop_table("consumer_account")
    op.drop_table("consumer_rules")
