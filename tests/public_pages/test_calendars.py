"""Calendar programs read shifts by an address that is a secret, until it is revoked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from icalendar import Calendar
from sqlalchemy import event

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, NotFound
from sentinel.links import calendar_address
from sentinel.oncall.calendar_feed import calendar_of
from sentinel.public_pages import create_app
from sentinel.serving.client_limits import ClientLimits
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.people import People
from sentinel.store.audit.people import erase, export
from sentinel.store.audit.queries import page
from sentinel.store.oncall.calendar_feeds import CalendarFeeds
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides
from tests.databases import both_databases

PUBLIC = "https://ack.example.org/sentinel"
DOCUMENT = """
people:
  ann: {notify: [{receiver: default}]}
  ben: {notify: [{receiver: default}]}
schedules:
  primary:
    layers: [{rotation: {people: [ann, ben], handoff: 2026-01-05T09:00}}]
  backup:
    layers: [{rotation: {people: [ben], handoff: 2026-01-05T09:00}}]
"""
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(days=7)


class Program:
    """A calendar program, which sends no header but the tag that it has."""

    def __init__(self, store: Store) -> None:
        settings = Settings(public_url=PUBLIC)
        self.app: Any = create_app(settings, store=store, guesses=ClientLimits())

    def reads(self, token: str, tag: str = "", method: str = "GET") -> httpx.Response:
        path = urlsplit(calendar_address(PUBLIC, token)).path

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            base = "https://ack.example.org"
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                return await client.request(
                    method, path, headers={"If-None-Match": tag} if tag else {}
                )

        return asyncio.run(asked())


@pytest.fixture
def applied(store: Store, clock: FakeClock) -> Store:
    clock.set(MONDAY)
    OnCallDocuments(store).apply(DOCUMENT, actor="ann")
    return store


def starts(answer: httpx.Response) -> list[datetime]:
    calendar: Any = Calendar.from_ical(answer.content)
    return sorted(one["DTSTART"].dt for one in calendar.walk("VEVENT"))


def test_a_feed_shows_the_shifts_of_a_person_and_says_when_nothing_changed(
    applied: Store, clock: FakeClock
):
    feeds, program = CalendarFeeds(applied), Program(applied)
    token = feeds.create(actor="cem", person="ann").token
    first = program.reads(token)
    assert (first.status_code, first.headers["content-type"]) == (
        200,
        "text/calendar; charset=utf-8",
    )
    assert starts(first)[:2] == [MONDAY, MONDAY + 2 * WEEK]
    assert "Referrer-Policy" in first.headers
    tag = first.headers["ETag"]
    clock.forward(hours=1)
    assert program.reads(token, tag).status_code == 304
    assert program.reads(token, f'"other", {tag}', "HEAD").status_code == 304
    OnCallOverrides(applied).add("primary", MONDAY + WEEK, MONDAY + WEEK + DAY, ["ann"], actor="b")
    changed = program.reads(token, tag)
    assert changed.status_code == 200
    assert MONDAY + WEEK in starts(changed)
    used = feeds.rows()[0].used_at
    assert used is not None
    # Of one schedule, everybody's.
    both = program.reads(feeds.create(actor="cem", schedule="primary").token)
    assert starts(both)[:2] == [MONDAY, MONDAY + WEEK]
    mixed = program.reads(feeds.create(actor="cem", person="ben", schedule="backup").token)
    assert starts(mixed)[0] == MONDAY
    assert b"backup" in mixed.content
    assert b"primary" not in mixed.content


@both_databases
def test_an_address_that_is_not_known_or_was_revoked_shows_nothing(
    applied: Store, clock: FakeClock
):
    feeds, program = CalendarFeeds(applied), Program(applied)
    made = feeds.create(actor="cem", person="ann")
    assert program.reads(made.token).status_code == 200
    feeds.revoke(made.feed.id, actor="cem")
    for token in (made.token, "x", "x" * 500, made.feed.id, made.feed.secret_hash):
        answer = program.reads(token)
        assert (answer.status_code, token in answer.text) == (404, False)
    assert feeds.rows() == []
    # The database is not asked about what can be no address.
    asked: list[str] = []
    event.listen(
        applied.engine, "before_cursor_execute", lambda *given: asked.append(str(given[2]))
    )
    assert program.reads(f"{made.token}x").status_code == 404
    assert asked == []
    # Guessing ends, and keeps nobody out who has an address.
    assert [program.reads(f"guess-{place}").status_code for place in range(80)][-1] == 429
    assert program.reads(feeds.create(actor="cem", person="ben").token).status_code == 200
    with pytest.raises(NotFound, match="no calendar feed"):
        feeds.revoke(made.feed.id, actor="cem")
    # The row of a feed that was revoked goes with what else is old; others stay.
    clock.forward(days=2)
    for older_than, rows in ((timedelta(days=3), 2), (DAY, 1)):
        applied.retain(older_than)
        with applied.read() as connection:
            count = connection.exec_driver_sql("SELECT count(*) FROM calendar_feed").scalar()
        assert count == rows
    with pytest.raises(NotFound, match="no person 'zoe'"):
        feeds.create(actor="cem", person="zoe")
    with pytest.raises(ConfigurationError, match="of a person or of a schedule"):
        feeds.create(actor="cem")


def test_an_erased_person_has_an_empty_calendar_without_their_name(
    applied: Store, clock: FakeClock
):
    feeds, program = CalendarFeeds(applied), Program(applied)
    token = feeds.create(actor="cem", person="ann").token
    OnCallDocuments(applied).apply(
        DOCUMENT.replace("  ann: {notify: [{receiver: default}]}\n", "").replace("ann, ", ""),
        actor="ben",
    )
    (row,) = export(applied, "ann", actor="ben")["calendar_feed"]
    assert "secret_hash" not in row
    erase(applied, "ann", actor="ben")
    answer = program.reads(token)
    assert (answer.status_code, starts(answer)) == (200, [])
    assert b"ann" not in answer.content


def test_the_feeds_of_an_account_end_with_it(applied: Store):
    feeds, people, program = CalendarFeeds(applied), People(applied), Program(applied)
    for name, end in (("cem", people.disable), ("dan", people.delete)):
        people.create(name, Role.VIEWER, password="a long enough one", actor="ben")
        tokens = [
            feeds.create(actor=actor, person="ann").token for actor in (name, f"{name} via bot")
        ]
        other = feeds.create(actor=f"{name}-2", person="ben").token
        end(name, actor="ben")
        assert [program.reads(token).status_code for token in tokens] == [404, 404]
        assert program.reads(other).status_code == 200
    rows = [row.actor for row in page(applied).items if row.action == "oncall.feed_revoked"]
    assert rows == ["ben"] * 4
    mine = feeds.create(actor="ben", person="ann").token
    people.create("ann", Role.VIEWER, password="a long enough one", actor="ben")
    people.disable("ann", actor="ben")
    assert program.reads(mine).status_code == 404
    people.enable("ann", actor="ben")
    assert program.reads(mine).status_code == 404


def test_a_name_with_line_ends_and_controls_is_one_line_of_the_calendar():
    text = calendar_of("On call: a\r\nb\x00\x1bc", [], MONDAY).decode()
    assert "X-WR-CALNAME:On call: a b c" in text
