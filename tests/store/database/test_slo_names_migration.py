"""The migration to names of SLOs that are unique in their tenant: nothing of an SLO is lost."""

from __future__ import annotations

import pytest
from sqlalchemy import MetaData, text

from sentinel.clock import FakeClock
from sentinel.store.database.engine import connect
from tests.store.older_schemas import filled, migrate_to

SLOS, COUNTS = "SELECT tenant, name, rule FROM slo", "SELECT tenant, slo, at, total FROM slo_count"


@pytest.mark.both_databases
def test_slos_from_before_keep_their_rules_versions_and_events(database_url: str):
    engine = connect(database_url)
    migrate_to(engine, "0082")
    tables = MetaData()
    tables.reflect(engine)
    slo, version, count = (tables.tables[name] for name in ("slo", "slo_version", "slo_count"))
    with engine.begin() as connection:
        for name, tenant in (("pay", "default"), ("buy", "acme")):
            of_it = {"name": name, "document": "{}", "saved_at": FakeClock().now()}
            connection.execute(slo.insert().values(filled(slo, tenant=tenant, **of_it)))
            connection.execute(version.insert().values(filled(version, version=3, **of_it)))
            connection.execute(count.insert().values(slo=name, at=60, good=1, total=2))
    migrate_to(engine, "head")
    with engine.connect() as connection:
        found = {tuple(row) for row in connection.execute(text(SLOS))}
        assert found == {("default", "pay", "slo-pay"), ("acme", "buy", "slo-buy")}
        query = text("SELECT tenant, name, version FROM slo_version")
        assert {tuple(row) for row in connection.execute(query)} == {
            ("default", "pay", 3), ("acme", "buy", 3),
        }  # fmt: skip
        assert {tuple(row) for row in connection.execute(text(COUNTS))} == {
            ("default", "pay", 60, 2), ("acme", "buy", 60, 2),
        }  # fmt: skip
    engine.dispose()
