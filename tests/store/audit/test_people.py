"""Personal data: exported whole, and erased so that the chain still holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import msgspec
import orjson
import pytest
from sqlalchemy import select, text

from sentinel.access import Role
from sentinel.alerts.actions import Acknowledge, Assign, Suppress
from sentinel.audit.change import Change, Recorded
from sentinel.clock import FakeClock
from sentinel.engine.notices import send_notices
from sentinel.errors import ConfigurationError, Conflict, NotFound, TelemetryUnavailable
from sentinel.notifications.notice import NewNotice
from sentinel.notifications.reasons import Reason
from sentinel.oncall.calendar_source import CalendarSource
from sentinel.schema.custom_dashboards import CustomDashboard
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.access.people import People
from sentinel.store.answered_requests import Claim, begin, finish
from sentinel.store.audit.chaining import chain, verify_chain
from sentinel.store.audit.people import (
    _NAMED,  # pyright: ignore[reportPrivateUsage] - compared with the schema
    erase,
    export,
)
from sentinel.store.audit.queries import page
from sentinel.store.database.backup import tables
from sentinel.store.database.tables import table_of
from sentinel.store.log_levels import LogLevels
from sentinel.store.notifications.deliveries import Outcome
from sentinel.store.notifications.inbox import Inbox
from sentinel.store.notifications.notices import add_notices, claim_notices, finish_notices
from sentinel.store.oncall.calendar_copies import copies, keep_copy
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.telemetry.ddl import Place
from tests.world import World

BOARD = table_of(CustomDashboard)


def everything(store: Store) -> str:
    """All rows of all tables but the outbox, which is emptied within minutes."""
    with store.read() as connection:
        rows = [
            orjson.dumps(list(row), default=str).decode()
            for table in tables()
            if table.name != "outbox"
            for row in connection.execute(table.select())
        ]
    return "\n".join(rows)


@pytest.fixture
def busy(store: Store, clock: FakeClock) -> World:
    """Lena has acted, been assigned, saved a view, switched a rule off and made a key."""
    world = World(store, clock)
    world.sees({"/": 95, "/data": 95})
    first, second = world.ids()
    store.act([first], Acknowledge(actor="lena"))
    store.act([second], Assign(actor="omar", assignee="lena"))
    until = clock.now() + timedelta(hours=1)
    store.act([second], Suppress(actor="lena via bot", until=until))
    store.views.save("lena", "live", "mine", "q=1")
    with store.write() as connection:
        for owner, team in (("lena", ""), ("lena via bot", ""), ("", "db")):
            connection.execute(
                BOARD.insert().values(
                    owner=owner, tenant="", team=team, name="wall", document="{}",
                    saved_at=clock.now(), saved_by="lena",
                )
            )  # fmt: skip
    for caller, answer in (("dashboard:lena", "{}"), ("key:1", '{"assignee":"lena"}')):
        claim = Claim(caller=caller, path="alerts", key="1", digest="")
        begin(store, claim)
        finish(store, claim, status=200, answer=answer, headers={})
    store.silences.begin("disk", until, actor="lena")
    store.rules.disable("disk", actor="lena")
    Keys(store).create("bot", Role.VIEWER, actor="lena")
    LogLevels(store).set("relay", "DEBUG", actor="lena")
    store.log.write("info", "login.succeeded", "lena logged in", {"person": "lena"})
    chain(store)
    return world


def test_an_erased_name_is_nowhere_and_the_chain_still_holds(busy: World):
    store = busy.store
    head = verify_chain(store).head
    label = erase(store, "lena", actor="omar")
    chain(store)
    assert "lena" not in everything(store)
    found = verify_chain(store, known=[head])
    assert (found.problems, found.erased) == ([], 2)
    rows = page(store).items
    assert [row.actor for row in rows if row.action == "alert.acknowledge"] == [label]
    with store.read() as connection:
        boards = connection.execute(select(BOARD.c.team, BOARD.c.saved_by)).tuples().all()
    assert boards == [("db", label)]
    assert [row.action for row in rows[:2]] == ["person.erased", "person.erased"]
    assert store.alerts.get(busy.ids()[1]).assignee == label


def test_an_erased_name_is_in_no_notice_and_no_copy_of_a_calendar(store: Store, clock: FakeClock):
    notice = NewNotice(
        kind=Reason.HANDOFF, about="primary", says="lena begins", receiver="default",
        title="Beside you: lena", text="lena is on call.", url="http://sentinel/",
        html="<b>lena</b>", attachment=("digest.csv", "by,lena\r\n"),
    )  # fmt: skip
    store.receivers.set("default", ["inbox"])
    with store.write() as connection:
        add_notices(store, connection, [notice], clock.now())
    send_notices(store, lambda _: Inbox(store), by="test")
    store.receivers.set("default", ["sentinel-email/mail"])
    later = msgspec.structs.replace(notice, says="lena ends")
    with store.write() as connection:
        add_notices(store, connection, [later], clock.now())
    (claimed,) = claim_notices(store, "test")
    failed = Outcome(sent=claimed, error="no browser of lena is subscribed")
    finish_notices(store, [failed])
    clock.forward(hours=1)
    source = CalendarSource(url="https://example.org/shifts.ics")
    body = "BEGIN:VCALENDAR\r\nX-A:Lena\r\nX-B:lena@example.org\r\nEND:VCALENDAR\r\n"
    keep_copy(store, "primary", source, body, "tag")
    documents = OnCallDocuments(store)
    documents.apply(
        "people: {lena: {email: lena@example.org, notify: [{receiver: default}]}}", actor="omar"
    )
    documents.apply("people: {}", actor="omar")
    label = erase(store, "lena", actor="omar")
    assert "lena" not in everything(store).lower()
    (waits,) = claim_notices(store, "test")
    assert waits.message.title == f"Beside you: {label}"
    assert waits.message.attachment == ("digest.csv", f"by,{label}\r\n")
    assert store.inbox.page()[0].title == f"Beside you: {label}"
    with store.read() as connection:
        assert copies(connection, ["primary"])["primary"].etag == "tag"


def test_every_column_that_names_who_did_something_is_erased():
    named = {(table.name, column) for table, column in _NAMED}
    found = {
        (table.name, column.name)
        for table in tables()
        for column in table.columns
        if column.name.endswith(("_by", "_as"))
    }
    # A process claims a group, no person; a review has the pseudonym all along; a member of a group
    # is muted by a silence.
    others = {
        ("alert_group", "claimed_by"), ("escalation", "claimed_by"),
        ("access_review", "certified_by"), ("group_member", "muted_by"),
    }  # fmt: skip
    assert found - named == others, "add it to _NAMED"


def test_what_a_person_has_is_exported_and_that_is_recorded(busy: World):
    store = busy.store
    found: dict[str, Any] = export(store, "lena", actor="omar")
    assert {"alert", "timeline", "rule", "saved_view", "audit"} <= set(found)
    assert {row["action"] for row in found["audit"]} >= {"alert.acknowledge", "view.saved"}
    (row,) = page(store, limit=1).items
    assert (row.action, row.actor, row.object_name) == ("person.exported", "omar", "lena")
    with pytest.raises(NotFound, match="nothing is stored"):
        export(store, "nobody", actor="omar")


def test_a_person_with_an_account_is_not_erased(store: Store):
    People(store).create("lena", Role.VIEWER, password="a long enough one", actor="omar")
    with pytest.raises(Conflict, match="has an account"):
        erase(store, "lena", actor="omar")
    with pytest.raises(ConfigurationError):
        erase(store, " ", actor="omar")
    People(store).delete("lena", actor="omar")
    erase(store, "lena", actor="omar")
    chain(store)
    assert verify_chain(store).problems == []
    assert "lena" not in everything(store)


class Telemetry:
    """A telemetry store with one request of each table; it may be away."""

    def __init__(self, away: bool = False) -> None:
        self.away = away
        self.place = Place("sentinel")
        self.said: list[str] = []

    def value(self, sql: str) -> int:
        if self.away:
            raise TelemetryUnavailable("the telemetry store does not answer")
        return 1

    def command(self, sql: str) -> None:
        self.said.append(sql)


def test_requests_are_erased_and_nothing_is_while_the_telemetry_store_is_away(busy: World):
    store, there, gone = busy.store, cast("Any", Telemetry()), cast("Any", Telemetry(away=True))
    with pytest.raises(TelemetryUnavailable):
        erase(store, "lena", actor="omar", telemetry=gone)
    assert store.alerts.get(busy.ids()[1]).assignee == "lena"
    People(store).create("lena", Role.VIEWER, password="a long enough one", actor="omar")
    with pytest.raises(Conflict):
        erase(store, "lena", actor="omar", telemetry=there)
    assert there.said == [], "who is refused keeps their requests"
    People(store).delete("lena", actor="omar")
    erase(store, "lena", actor="omar", telemetry=there)
    assert [one.split()[2] for one in there.said] == [
        "`sentinel`.`requests`", "`sentinel`.`usage_by_consumer`",
    ]  # fmt: skip
    assert all(
        "Consumer = 'lena' OR startsWith(Consumer, 'lena via ')" in one for one in there.said
    )


def test_pseudonyms_are_made_in_one_order_so_that_writers_cannot_deadlock(store: Store):
    one = Change(
        action="alert.assign", object_kind="alert", before={"assignee": "omar"},
        after={"assignee": "bea"}, people=("assignee",),
    )  # fmt: skip
    other = Change(action="person.granted", object_kind="person", object_name="cleo")
    place = "rowid" if store.dialect == "sqlite" else "ctid"  # in which rows were inserted

    def made(*changes: Recorded) -> list[str]:
        with store.write() as connection:
            store.audit.add_all(connection, changes)
            names = connection.execute(text(f"SELECT name FROM audit_person ORDER BY {place}"))
            found = list(names.scalars())
            connection.rollback()
        return found

    assert made(Recorded(one, "zoe")) == ["bea", "omar", "zoe"]
    assert made(Recorded(one, "zoe"), Recorded(other, "adam")) == [
        "adam", "bea", "cleo", "omar", "zoe",
    ]  # fmt: skip
