"""Tables of alerts, their timeline and their groups, as migration 0001 makes them.

A file of its own since the first migration makes more tables than one file should hold. Like
every migration it never changes: later revisions change what stands in databases.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sentinel.schema.columns import Moment

__all__ = ["create_alert_tables", "drop_alert_tables"]

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def create_alert_tables() -> None:
    """Create the tables and their indexes, inside the migration's transaction."""
    op.create_table(
        "alert",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("severity_word", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("labels", JSON, nullable=False),
        sa.Column("annotations", JSON, nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("assignee", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("first_bad_at", Moment(), nullable=False),
        sa.Column("last_bad_at", Moment(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.Column("opened_at", Moment(), nullable=True),
        sa.Column("acknowledged_at", Moment(), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=False),
        sa.Column("acknowledge_comment", sa.Text(), nullable=False),
        sa.Column("acknowledged_severity", sa.Integer(), nullable=False),
        sa.Column("resolved_at", Moment(), nullable=True),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("resolved_by", sa.String(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("suppressed_until", Moment(), nullable=True),
        sa.Column("suppress_reason", sa.String(), nullable=False),
        sa.Column("escalation_level", sa.Integer(), nullable=False),
        sa.Column("bad_count", sa.Integer(), nullable=False),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("flow_run_id", sa.String(), nullable=True),
        sa.Column("flow_run_name", sa.String(), nullable=True),
        sa.Column("flow_run_state", sa.String(), nullable=True),
        sa.Column("deployment_id", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("alert_by_rule", "alert", ["rule", "opened_at", "id"], unique=False)
    op.create_index("alert_by_run", "alert", ["flow_run_id"], unique=False)
    op.create_index("alert_by_severity", "alert", ["severity", "opened_at", "id"], unique=False)
    op.create_index("alert_by_time", "alert", ["opened_at", "id"], unique=False)
    op.create_index(
        "alert_expiry",
        "alert",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("expires_at IS NOT NULL AND status <> 'resolved'"),
        postgresql_where=sa.text("expires_at IS NOT NULL AND status <> 'resolved'"),
    )
    op.create_index(
        "alert_live",
        "alert",
        ["severity", "opened_at", "id"],
        unique=False,
        sqlite_where=sa.text("status <> 'resolved'"),
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.create_index(
        "alert_live_by_rule",
        "alert",
        ["tenant", "rule"],
        unique=False,
        sqlite_where=sa.text("status <> 'resolved'"),
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.create_index(
        "alert_one_live",
        "alert",
        ["fingerprint"],
        unique=True,
        sqlite_where=sa.text("status <> 'resolved'"),
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.create_index(
        "alert_resolved",
        "alert",
        ["tenant", "rule", "resolved_at"],
        unique=False,
        sqlite_where=sa.text("status = 'resolved'"),
        postgresql_where=sa.text("status = 'resolved'"),
    )
    op.create_table(
        "alert_group",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("labels", JSON, nullable=False),
        sa.Column("receivers", JSON, nullable=False),
        sa.Column("policy", JSON, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("firing", sa.Integer(), nullable=False),
        sa.Column("acknowledged", sa.Integer(), nullable=False),
        sa.Column("suppressed", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("resolved_at", Moment(), nullable=True),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("raised_seq", sa.Integer(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("claimed_by", sa.String(), nullable=False),
        sa.Column("claimed_until", Moment(), nullable=True),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("alert_group_by_key", "alert_group", ["key", "resolved_at"], unique=False)
    op.create_index(
        "alert_group_due",
        "alert_group",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "alert_group_one_live",
        "alert_group",
        ["key"],
        unique=True,
        sqlite_where=sa.text("status <> 'resolved'"),
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.create_table(
        "group_member",
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("fired_seq", sa.Integer(), nullable=False),
        sa.Column("resolved_seq", sa.Integer(), nullable=True),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "alert_id"),
    )
    op.create_index("group_member_by_alert", "group_member", ["alert_id"], unique=False)
    op.create_table(
        "suppression",
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_table(
        "timeline",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("flow_run_id", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("timeline_by_alert", "timeline", ["alert_id", "id"], unique=False)
    op.create_index("timeline_by_time", "timeline", ["at"], unique=False)


def drop_alert_tables() -> None:
    """Drop them in the reverse order."""
    op.drop_index("timeline_by_time", table_name="timeline")
    op.drop_index("timeline_by_alert", table_name="timeline")
    op.drop_table("timeline")
    op.drop_table("suppression")
    op.drop_index("group_member_by_alert", table_name="group_member")
    op.drop_table("group_member")
    op.drop_index(
        "alert_group_one_live",
        table_name="alert_group",
        sqlite_where=sa.text("status <> 'resolved'"),
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.drop_index(
        "alert_group_due",
        table_name="alert_group",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_index("alert_group_by_key", table_name="alert_group")
    op.drop_table("alert_group")
    op.drop_index(
        "alert_resolved",
        table_name="alert",
        sqlite_where=sa.text("status = 'resolved'"),
        postgresql_where=sa.text("status = 'resolved'"),
    )
    op.drop_index(
        "alert_one_live",
        table_name="alert",
        sqlite_where=sa.text("status <> 'resolved'"),
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.drop_index(
        "alert_live_by_rule",
        table_name="alert",
        sqlite_where=sa.text("status <> 'resolved'"),
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.drop_index(
        "alert_live",
        table_name="alert",
        sqlite_where=sa.text("status <> 'resolved'"),
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.drop_index(
        "alert_expiry",
        table_name="alert",
        sqlite_where=sa.text("expires_at IS NOT NULL AND status <> 'resolved'"),
        postgresql_where=sa.text("expires_at IS NOT NULL AND status <> 'resolved'"),
    )
    op.drop_index("alert_by_time", table_name="alert")
    op.drop_index("alert_by_severity", table_name="alert")
    op.drop_index("alert_by_run", table_name="alert")
    op.drop_index("alert_by_rule", table_name="alert")
    op.drop_table("alert")
