"""Alerts of webhooks that are open get the time after which they count as not repeated

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from sentinel.schema.columns import Moment

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SENDERS = ("prometheus_webhook", "grafana_webhook")
AFTER = timedelta(hours=5)
RULE = sa.table(
    "rule",
    sa.column("tenant", sa.Text()),
    sa.column("name", sa.Text()),
    sa.column("trigger", sa.Text()),
    sa.column("spec", sa.JSON().with_variant(JSONB(), "postgresql")),
)
ALERT = sa.table(
    "alert",
    sa.column("tenant", sa.Text()),
    sa.column("rule", sa.Text()),
    sa.column("status", sa.Text()),
    sa.column("expires_at", Moment()),
)


def upgrade() -> None:
    connection = op.get_bind()
    rules = connection.execute(sa.select(RULE).where(RULE.c.trigger.in_(SENDERS))).all()
    for rule in rules:
        mine = (RULE.c.tenant == rule.tenant, RULE.c.name == rule.name)
        kept: dict[str, Any] = rule.spec or {}
        if kept.get("resolve_after") is not None:
            continue  # its alerts end already, and a rule has one of the two
        spec: dict[str, Any] = {**kept, "not_repeated": {}}
        connection.execute(RULE.update().where(*mine).values(spec=spec))
        # A full interval from now on: the sender repeats what still fires meanwhile.
        connection.execute(
            ALERT.update()
            .where(ALERT.c.tenant == rule.tenant, ALERT.c.rule == rule.name)
            .where(ALERT.c.status != "resolved", ALERT.c.expires_at.is_(None))
            .values(expires_at=datetime.now(UTC) + AFTER)
        )


def downgrade() -> None:
    connection = op.get_bind()
    for rule in connection.execute(sa.select(RULE).where(RULE.c.trigger.in_(SENDERS))).all():
        mine = (RULE.c.tenant == rule.tenant, RULE.c.name == rule.name)
        kept: dict[str, Any] = rule.spec or {}
        if kept.get("not_repeated") is None:
            continue
        spec = {name: value for name, value in kept.items() if name != "not_repeated"}
        connection.execute(RULE.update().where(*mine).values(spec=spec))
        # Without its terms the alert would expire, and stay open where it is critical.
        connection.execute(
            ALERT.update()
            .where(ALERT.c.tenant == rule.tenant, ALERT.c.rule == rule.name)
            .where(ALERT.c.status != "resolved")
            .values(expires_at=None)
        )
