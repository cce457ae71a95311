"""Migrations 0066 and 0072: drills from before are of their own rule, and count nowhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import MetaData, text

from sentinel.clock import FakeClock
from sentinel.store.database.engine import connect
from sentinel.store.database.migrate import alembic_config, locked
from tests.store.older_schemas import filled, migrate_to

ALERTS = {
    "over": ("api", "Drill: db", {"drill": "db", "alertname": "drill 1"}, "resolved", "db"),
    "runs": ("api", "Drill: web", {"drill": "web", "alertname": "drill 2"}, "open", "web"),
    "value": ("api", "Drill: new bits", {"tool": "drill"}, "resolved", "shop"),
    "other": ("api", "Drill: new bits", {"drill": "press 2"}, "resolved", "shop"),
    "named": ("disk", "Drill: db", {"drill": "db"}, "resolved", "db"),
}


@pytest.mark.slow
@pytest.mark.both_databases
def test_drills_from_before_the_upgrade_are_drills_and_nothing_else_is(database_url: str):
    engine = connect(database_url)
    migrate_to(engine, "0064")
    tables = MetaData()
    tables.reflect(engine)
    alert, member, escalation = (
        tables.tables[name] for name in ("alert", "group_member", "escalation")
    )
    with engine.begin() as connection:
        for number, (name, (rule, title, labels, status, team)) in enumerate(ALERTS.items()):
            at = FakeClock().now() - timedelta(days=number)
            values = filled(
                alert, id=name, rule=rule, title=title, labels=labels, status=status, team=team,
                fingerprint=name, opened_at=at,
            )  # fmt: skip
            connection.execute(alert.insert().values(values))
            group = "shared" if team == "shop" else name
            joins = filled(member, group_id=group, alert_id=name)
            connection.execute(member.insert().values(joins))
            if name != "other":
                begun = filled(escalation, id=name, group_id=group, opened_at=at, state="ended")
                connection.execute(escalation.insert().values(begun))
    migrate_to(engine, "0072")
    query = text("SELECT id, rule FROM alert WHERE rule = 'sentinel-drill' ORDER BY id")
    figures = text("SELECT id, team, drill FROM escalation ORDER BY id")
    with engine.connect() as connection:
        drills = [row.id for row in connection.execute(query)]
        counted = {row.id: (row.team, bool(row.drill)) for row in connection.execute(figures)}
    with locked(engine) as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        connection.execute(text("UPDATE alert SET rule = 'sentinel-drill' WHERE id = 'value'"))
        command.downgrade(config, "0065")
    with engine.connect() as connection:
        after = [row.id for row in connection.execute(query)]
    engine.dispose()
    assert drills == ["over", "runs"]
    assert counted == {
        "over": ("db", True), "runs": ("web", True), "value": ("shop", False),
        "named": ("db", False),
    }  # fmt: skip
    assert after == ["value"]
