"""Feed readers read alerts, incidents and silences of one tenant by an address that is a secret."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import feedparser  # pyright: ignore[reportMissingTypeStubs] - it has none
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.errors import NotFound
from sentinel.events.web_feed import FeedEntry, atom_of, rss_of
from sentinel.public_pages import create_app
from sentinel.serving.client_limits import ClientLimits
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.people import People
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.web_feeds import FeedKind, WebFeeds
from tests.databases import both_databases
from tests.world import World

READER: Any = feedparser


class Reader:
    """A feed reader, and a tenant with an alert."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.feeds = WebFeeds(store)
        self.world = World(store, clock)
        settings = Settings(public_url="https://ack.example.org")
        self.app: Any = create_app(settings, store=store, guesses=ClientLimits())

    def subscribes(self, kind: FeedKind, tenant: str = "default") -> str:
        return self.feeds.create(kind, tenant=tenant, actor="ann").token

    def reads(self, token: str, ending: str, tag: str = "") -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            base = "https://ack.example.org"
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                headers = {"If-None-Match": tag} if tag else {}
                return await client.get(f"/feed/{token}.{ending}", headers=headers)

        return asyncio.run(asked())


@pytest.fixture
def reader(store: Store, clock: FakeClock) -> Reader:
    return Reader(store, clock)


def parsed(answer: httpx.Response) -> Any:
    found = READER.parse(answer.content, response_headers=dict(answer.headers))
    assert not found.bozo, found.get("bozo_exception")
    return found


@both_databases
def test_alerts_are_entries_that_readers_update_in_place(reader: Reader):
    token = reader.subscribes("alerts")
    reader.world.sees({"/data": 97})
    before = reader.reads(token, "atom")
    (entry,) = parsed(before).entries
    assert entry.title == "medium, open: disk: /data 97 percent"
    assert entry.link == f"http://127.0.0.1:8501/?alert={reader.world.ids()[0]}"
    assert [one.term for one in entry.tags] == ["medium", "open", "disk"]
    assert reader.reads(token, "atom", before.headers["ETag"]).status_code == 304
    reader.world.sees({"/data": 10})
    (after,) = parsed(reader.reads(token, "atom", before.headers["ETag"])).entries
    assert after.id == entry.id
    assert after.title.startswith("medium, resolved")
    assert after.updated_parsed > entry.updated_parsed


def test_the_same_entries_are_there_as_rss(reader: Reader):
    token = reader.subscribes("alerts")
    reader.world.sees({"/": 95, "/data": 97})
    atom, rss = (parsed(reader.reads(token, one)) for one in ("atom", "rss"))
    assert (atom.version, rss.version) == ("atom10", "rss20")
    assert [one.id for one in rss.entries] == [one.id for one in atom.entries]
    assert rss.entries[0].published_parsed == atom.entries[0].published_parsed


def test_incidents_have_a_feed(reader: Reader):
    token = reader.subscribes("incidents")
    new = NewIncident(title="Shop is down", service="shop")
    made = Incidents(reader.store).open(new, actor="ann")
    (entry,) = parsed(reader.reads(token, "atom")).entries
    assert entry.title == "SEV3, investigating: Shop is down"
    assert entry.link == f"http://127.0.0.1:8501/incidents?incident={made.id}"


def test_silences_are_events_of_a_calendar(reader: Reader):
    token = reader.subscribes("silences")
    now = reader.clock.now()
    MatcherSilences(reader.store).create(
        ['mount="/data"'], until=now + timedelta(hours=2), comment="new disks", actor="ann"
    )
    answer = reader.reads(token, "ics")
    assert answer.headers["Content-Type"].startswith("text/calendar")
    calendar: Any = Calendar.from_ical(answer.content)
    (event,) = calendar.walk("VEVENT")
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (now, now + timedelta(hours=2))
    assert "/data" in event["SUMMARY"]
    assert event["DESCRIPTION"] == "new disks (ann)"


def test_a_feed_shows_nothing_of_another_tenant(reader: Reader):
    token = reader.subscribes("alerts", "red")
    reader.world.sees({"/": 95})
    assert parsed(reader.reads(token, "atom")).entries == []
    World(reader.store, reader.clock, tenant="red", name="red-disk").sees({"/": 95})
    assert [one.tags[2].term for one in parsed(reader.reads(token, "atom")).entries] == ["red-disk"]


def test_an_address_shows_nothing_once_it_is_revoked_and_no_other_tenant_revokes_it(
    reader: Reader,
):
    token = reader.subscribes("alerts")
    (feed,) = reader.feeds.rows("default")
    with pytest.raises(NotFound):
        reader.feeds.revoke(feed.id, tenant="red", actor="ben")
    assert reader.reads(token, "atom").status_code == 200
    assert reader.reads(token, "ics").status_code == 404
    reader.feeds.revoke(feed.id, tenant="default", actor="ann")
    assert reader.reads(token, "atom").status_code == 404
    assert reader.reads("x" * 32, "atom").status_code == 404
    assert reader.feeds.rows("default") == []


def test_the_feeds_of_a_person_end_with_their_account(reader: Reader):
    People(reader.store).create("ann", Role.RESPONDER, password="seven green bicycles", actor="ben")
    token = reader.subscribes("alerts")
    People(reader.store).delete("ann", actor="ben")
    assert reader.reads(token, "atom").status_code == 404


@given(text=st.text(max_size=30))
def test_whatever_a_title_has_is_read_by_parsers_as_xml(text: str):
    moment = FakeClock().now()
    entry = FeedEntry(
        id="0" * 32, title=f"a{text}b", link="http://h.example/?alert=1", text=text,
        words=[text], published=moment, updated=moment,
    )  # fmt: skip
    for write in (atom_of, rss_of):
        found = READER.parse(write(f"x{text}", "http://h.example", [entry]))
        assert not found.bozo
        assert len(found.entries) == 1
