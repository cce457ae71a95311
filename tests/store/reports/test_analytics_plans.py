"""What the analytics page asks reads an index, and not all alerts or deliveries there ever were."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import event

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.reports.noise import noise_report
from sentinel.store.reports.own_times import own_times, paging_load
from sentinel.store.reports.rule_noise import rule_noise
from tests.databases import both_databases
from tests.world import World

INDEXES = ("alert_noise", "alert_by_rule", "timeline_by_alert", "delivery_by_time",
           "escalation_page_attempted")  # fmt: skip


@both_databases
def test_each_statement_reads_an_index(store: Store, clock: FakeClock):
    world = World(store, clock, every="60s")
    world.sees({"/": 95})
    since, until = clock.now() - timedelta(days=7), clock.now()
    sent: list[tuple[str, Any]] = []

    def keeps(_: object, __: object, text: str, values: Any, *___: object) -> None:
        sent.append((text, values))

    event.listen(store.engine, "before_cursor_execute", keeps)
    noise_report(store)
    rule_noise(store, "default", "disk")
    own_times(store, since, until)
    paging_load(store, since, until)
    event.remove(store.engine, "before_cursor_execute", keeps)
    plans: list[str] = []
    said = "EXPLAIN QUERY PLAN" if store.dialect == "sqlite" else "EXPLAIN"
    with store.read() as connection:
        if store.dialect == "postgresql":  # an empty table is read whole unless that is ruled out
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        for text, values in sent:
            if text.lstrip("( ").startswith("SELECT"):
                plans.append(str(connection.exec_driver_sql(f"{said} {text}", values).all()))
    if store.dialect == "sqlite":  # of one row PostgreSQL takes any index that has the moment
        for index in INDEXES:
            assert any(index in plan for plan in plans), index
    for plan in plans:
        assert "SCAN alert" not in plan.replace("SCAN alert USING", ""), plan
        assert "Seq Scan on alert " not in plan, plan
