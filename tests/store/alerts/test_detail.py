"""An alert with its timeline: of a long one the newest entries, oldest first."""

from __future__ import annotations

from sqlalchemy import select

from sentinel.alerts.actions import Comment
from sentinel.clock import FakeClock
from sentinel.schema.columns import new_id
from sentinel.store import Store
from sentinel.store.alerts.detail import MOST_ENTRIES, read_details
from sentinel.store.database.tables import TIMELINE
from tests.databases import both_databases
from tests.world import World


@both_databases
def test_details_have_the_newest_entries_of_each_alert(store: Store, clock: FakeClock):
    one, other = World(store, clock).raises("/a", "/b")
    with store.write() as connection:
        chosen = select(TIMELINE).where(TIMELINE.c.alert_id == one)
        entry = dict(connection.execute(chosen).mappings().one())
        many = [entry | {"id": new_id(), "comment": str(n)} for n in range(MOST_ENTRIES)]
        connection.execute(TIMELINE.insert(), many)
    for alert_id in (one, other, one):
        store.act([alert_id], Comment(actor="lena", comment="last"))
    found = read_details(store, [one, other, one, "0" * 32])
    comments = {key: [row["comment"] for row in detail.timeline] for key, detail in found.items()}
    assert comments == {
        one: [*map(str, range(2, MOST_ENTRIES)), "last", "last"], other: ["", "last"],
    }  # fmt: skip
    assert found[one].remediation is None
