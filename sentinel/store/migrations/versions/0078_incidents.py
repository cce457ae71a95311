"""Incidents: their policies, alerts, entries, runbook steps, action items and post-mortems

Revision ID: 0078
Revises: 0077
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from sentinel.schema.columns import Moment

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "incident_policy_version",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("applied_by", sa.String(), nullable=False),
        sa.Column("applied_at", Moment(), nullable=False),
        sa.Column("rolled_back_to", sa.Integer(), nullable=True),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(100), nullable=False),
        sa.Column("team", sa.String(300), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("service", sa.String(300), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("severity_by", sa.String(), nullable=False),
        sa.Column("policy", sa.String(100), nullable=False),
        sa.Column("gather_key", sa.String(32), nullable=False),
        sa.Column("labels", _JSON, nullable=False),
        sa.Column("matchers", _JSON, nullable=False),
        sa.Column("gather_seconds", sa.Float(), nullable=False),
        sa.Column("gathers_until", Moment(), nullable=True),
        sa.Column("assignee", sa.String(), nullable=False),
        sa.Column("roles", _JSON, nullable=False),
        sa.Column("root_cause", sa.Text(), nullable=False),
        sa.Column("runbook", sa.Text(), nullable=False),
        sa.Column("war_room", sa.Text(), nullable=False),
        sa.Column("receivers", _JSON, nullable=False),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("acknowledged_at", Moment(), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=False),
        sa.Column("resolved_at", Moment(), nullable=True),
        sa.Column("resolved_by", sa.String(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
    )
    op.create_index("incident_by_time", "incident", ["opened_at", "id"])
    op.create_index("incident_gathers", "incident", ["gathers_until"])
    op.create_index(
        "incident_live", "incident", ["status", "id"],
        sqlite_where=sa.text("status <> 'resolved'"),
        postgresql_where=sa.text("status <> 'resolved'"),
    )  # fmt: skip
    op.create_index(
        "incident_one_live", "incident", ["gather_key"], unique=True,
        sqlite_where=sa.text("gather_key <> '' AND status <> 'resolved'"),
        postgresql_where=sa.text("gather_key <> '' AND status <> 'resolved'"),
    )  # fmt: skip
    op.create_table(
        "incident_alert",
        sa.Column("incident_id", sa.String(32), primary_key=True),
        sa.Column("alert_id", sa.String(32), primary_key=True),
        sa.Column("added_at", Moment(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("removed_at", Moment(), nullable=True),
        sa.Column("removed_by", sa.String(), nullable=False),
    )
    op.create_index("incident_alert_by_alert", "incident_alert", ["alert_id"])
    op.create_table(
        "incident_entry",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("incident_id", sa.String(32), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("data", _JSON, nullable=False),
        sa.Column("flow_run_id", sa.String(), nullable=True),
    )
    op.create_index("incident_entry_by_incident", "incident_entry", ["incident_id", "id"])
    op.create_table(
        "incident_step",
        sa.Column("incident_id", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("parameters", _JSON, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("done_by", sa.String(), nullable=False),
        sa.Column("done_at", Moment(), nullable=True),
        sa.Column("flow_run_id", sa.String(), nullable=True),
        sa.Column("flow_run_name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_name", sa.String(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("wanted_at", Moment(), nullable=True),
        sa.Column("started_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
    )
    op.create_index(
        "incident_step_open", "incident_step", ["status", "wanted_at"],
        sqlite_where=sa.text("status IN ('wanted', 'started')"),
        postgresql_where=sa.text("status IN ('wanted', 'started')"),
    )  # fmt: skip
    op.create_table(
        "incident_action_item",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("incident_id", sa.String(32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("done_at", Moment(), nullable=True),
        sa.Column("done_by", sa.String(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_index(
        "incident_action_item_by_incident", "incident_action_item", ["incident_id", "id"]
    )
    op.create_table(
        "post_mortem_version",
        sa.Column("incident_id", sa.String(32), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("saved_at", Moment(), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
    )


def downgrade() -> None:
    for table in (
        "post_mortem_version",
        "incident_action_item",
        "incident_step",
        "incident_entry",
        "incident_alert",
        "incident",
        "incident_policy_version",
    ):
        op.drop_table(table)
