"""Migration 0016: alerts of webhooks get the time after which they count as not repeated."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, MetaData, select

from sentinel.clock import FakeClock
from sentinel.store.database.engine import connect
from sentinel.store.database.migrate import alembic_config, locked
from tests.store.older_schemas import filled, migrate_to

NOW = FakeClock().now()


@pytest.fixture
def engine(database_url: str) -> Generator[Engine]:
    """A database of the schema before, with two rules of a webhook that have an alert each."""
    engine = connect(database_url)
    migrate_to(engine, "0015")
    tables = MetaData()
    tables.reflect(engine)
    rule, alert = tables.tables["rule"], tables.tables["alert"]
    specs: dict[str, dict[str, Any]] = {"grafana": {}, "own": {"resolve_after": "10m"}}
    with engine.begin() as connection:
        for name, spec in specs.items():
            connection.execute(
                rule.insert().values(
                    filled(rule, name=name, tenant="t", trigger="grafana_webhook", spec=spec)
                )
            )
            expires = NOW + timedelta(minutes=10) if spec else None
            connection.execute(
                alert.insert().values(
                    filled(
                        alert, id=name, rule=name, tenant="t", status="open", severity=2,
                        fingerprint=name, expires_at=expires,
                    )
                )
            )  # fmt: skip
    yield engine
    engine.dispose()


def downgraded(engine: Engine, revision: str) -> None:
    with locked(engine) as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def kept(connection: Connection) -> dict[str, tuple[dict[str, Any], datetime | None]]:
    """Spec of each rule, and when its alert expires."""
    tables = MetaData()
    tables.reflect(connection)
    rule, alert = tables.tables["rule"], tables.tables["alert"]
    query = select(rule.c.name, rule.c.spec, alert.c.expires_at)
    rows = connection.execute(query.join(alert, alert.c.rule == rule.c.name))
    return {name: (spec, expires) for name, spec, expires in rows}


@pytest.mark.slow
def test_a_rule_whose_alerts_expire_already_keeps_its_own_terms(engine: Engine):
    with engine.connect() as connection:
        before = kept(connection)
    migrate_to(engine, "0016")
    with engine.connect() as connection:
        after = kept(connection)
    assert after["own"] == before["own"]
    spec, expires = after["grafana"]
    assert spec == {"not_repeated": {}}
    assert expires is not None


def test_going_back_leaves_no_alert_that_would_expire(engine: Engine):
    with engine.connect() as connection:
        before = kept(connection)
    migrate_to(engine, "0016")
    downgraded(engine, "0015")
    with engine.connect() as connection:
        assert kept(connection) == before
