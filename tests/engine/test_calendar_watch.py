"""Schedules follow a calendar elsewhere; its last good copy stays, and an alert says when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from blocks.calendar_fetch import FetchedCalendar
from sentinel.clock import FakeClock
from sentinel.engine.calendar_watch import RULE, CalendarWatch
from sentinel.errors import DeliveryError
from sentinel.oncall.calendar_source import (
    CalendarShifts,
    CalendarSource,
    calendar_shifts,
    expanded_from,
)
from sentinel.store import Store
from sentinel.store.alerts.live_labels import live_labels
from sentinel.store.oncall.calendar_copies import copies
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides
from sentinel.store.oncall.stored import StoredOnCall
from tests.databases import both_databases

DOCUMENT = """
people:
  ann: {email: ann@example.org, notify: [{receiver: default}]}
  ben: {notify: [{receiver: default}]}
  cem: {notify: [{receiver: default}]}
schedules:
  primary:
    calendar: {url: https://calendar.example.org/one.ics, every: 1h, stale_after: 1d}
    layers: [{name: weekly, rotation: {people: [cem], handoff: 2026-01-05T09:00}}]
"""
EVENT = """BEGIN:VEVENT
UID:{uid}
SUMMARY:{summary}
DTSTART:{start}
DTEND:{end}
END:VEVENT
"""
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def calendar(*events: tuple[str, datetime, datetime]) -> str:
    said = "".join(
        EVENT.format(
            uid=place, summary=summary, start=f"{start:%Y%m%dT%H%M%SZ}",
            end=f"{end:%Y%m%dT%H%M%SZ}",
        )
        for place, (summary, start, end) in enumerate(events)
    )  # fmt: skip
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{said}END:VCALENDAR"


class Elsewhere:
    """The other system: what it answers, and how often it was asked with which tag."""

    def __init__(self, body: str) -> None:
        self.body, self.etag, self.down, self.broken = body, "one", "", False
        self.asked: list[tuple[str, str]] = []

    def fetch(self, url: str, etag: str) -> FetchedCalendar:
        self.asked.append((url.rpartition("/")[2], etag))
        if self.broken:
            raise AttributeError("no such thing")
        if self.down:
            raise DeliveryError(self.down)
        return FetchedCalendar(None if etag == self.etag else self.body, self.etag)


@pytest.fixture
def applied(store: Store, clock: FakeClock) -> Store:
    clock.set(MONDAY)
    OnCallDocuments(store).apply(DOCUMENT, actor="ann")
    return store


def held(store: Store) -> list[tuple[str, str]]:
    found = StoredOnCall(store).shifts(MONDAY, MONDAY + 4 * DAY, "primary")
    return [("+".join(one.people), one.source) for _, one in found]


def alerts(store: Store) -> int:
    return len(live_labels(store, RULE))


@both_databases
def test_a_schedule_follows_a_calendar_and_its_last_good_copy(applied: Store, clock: FakeClock):
    other = Elsewhere(
        calendar(
            ("on call: ben", MONDAY, MONDAY + DAY),
            ("ann, ben", MONDAY + 2 * DAY, MONDAY + 3 * DAY),
        )
    )
    watch = CalendarWatch(applied, other.fetch)
    watch.evaluate(clock.now())
    layers = ("cem", "layer weekly")
    assert held(applied) == [
        ("ben", "calendar"), layers, ("ann+ben", "calendar"), layers
    ]  # fmt: skip
    # An override stands in for the calendar, and a swap takes its shifts.
    made = OnCallOverrides(applied).add("primary", MONDAY, MONDAY + 12 * HOUR, ["ann"], actor="b")
    assert held(applied)[:2] == [("ann", "override"), ("ben", "calendar")]
    OnCallOverrides(applied).remove(made.id, actor="b")
    swapped = OnCallOverrides(applied).swap(
        "primary", MONDAY + HOUR, MONDAY + DAY + HOUR, actor="b"
    )
    assert [one.people for one in swapped] == ["cem", "ben"]
    OnCallOverrides(applied).remove(swapped[0].id, actor="b")
    # It is read on its interval, by its tag.
    clock.forward(minutes=30)
    watch.evaluate(clock.now())
    clock.forward(minutes=30)
    watch.evaluate(clock.now())
    assert other.asked == [("one.ics", ""), ("one.ics", "one")]
    other.body, other.etag = calendar(("ben", MONDAY, MONDAY + 4 * DAY)), "two"
    clock.forward(hours=1)
    watch.evaluate(clock.now())
    # A failure, or a text that is no calendar, keeps the copy.
    other.down = "the calendar at calendar.example.org answered 503"
    clock.forward(hours=1)
    watch.evaluate(clock.now())
    other.down, other.body, other.etag = "", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR", "three"
    clock.forward(hours=1)
    watch.evaluate(clock.now())
    assert ("ben", "calendar") in held(applied)
    assert alerts(applied) == 0
    # Another address is another calendar.
    OnCallDocuments(applied).apply(DOCUMENT.replace("one.ics", "other.ics"), actor="ann")
    assert [source for _, source in held(applied)] == ["layer weekly"]
    watch.evaluate(clock.now())
    assert other.asked[-1] == ("other.ics", "")
    OnCallDocuments(applied).rollback(0, actor="ann")
    watch.evaluate(clock.now())
    with applied.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM calendar_copy").scalar() == 0


def test_what_no_database_keeps_is_left_out_of_a_copy(applied: Store, clock: FakeClock):
    other = Elsewhere(calendar(("ben\0 \ud800", MONDAY, MONDAY + DAY)))
    other.etag = "o\0ne"
    watch = CalendarWatch(applied, other.fetch)
    watch.evaluate(clock.now())
    assert held(applied)[0] == ("ben", "calendar")
    clock.forward(hours=1)
    other.etag, other.down = "two", "\0 \ud800"
    watch.evaluate(clock.now())
    assert held(applied)[0] == ("ben", "calendar")


def test_an_alert_opens_while_a_calendar_is_stale_and_closes_once_it_is_read(
    applied: Store, clock: FakeClock
):
    other = Elsewhere(calendar(("ben", MONDAY, MONDAY + DAY)))
    other.down = "the calendar at calendar.example.org did not answer"
    watch = CalendarWatch(applied, other.fetch)

    def after(length: timedelta) -> int:
        clock.set(clock.now() + length)
        watch.evaluate(clock.now())
        return alerts(applied)

    assert after(HOUR) == 1  # it was never read
    other.broken = True  # by what nobody thought of
    assert after(HOUR) == 1
    other.broken = False
    other.down = ""
    assert after(HOUR) == 0
    other.down = "the calendar at calendar.example.org did not answer"
    assert after(23 * HOUR) == 0
    assert after(HOUR) == 1
    with applied.read() as connection:
        (title,) = connection.exec_driver_sql("SELECT title FROM alert WHERE status = 'open'").one()
    assert title == (
        "The calendar of schedule primary was last read 2026-01-05 12:00 UTC: the calendar at "
        "calendar.example.org did not answer"
    )
    other.down = ""
    assert after(HOUR) == 0
    # Somebody whom nobody knows is on call there.
    tomorrow = clock.now() + DAY
    other.body, other.etag = calendar(("zoe", tomorrow, tomorrow + DAY)), "two"
    assert after(HOUR) == 1
    OnCallDocuments(applied).rollback(0, actor="ann")
    assert after(HOUR) == 0


@both_databases
def test_a_copy_that_cannot_be_read_any_more_leaves_the_layers_and_opens_an_alert(
    applied: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    other = Elsewhere(calendar(("ben", MONDAY, MONDAY + DAY)))
    watch = CalendarWatch(applied, other.fetch)
    watch.evaluate(clock.now())

    def broken(*_: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr("sentinel.store.oncall.calendar_copies.calendar_shifts", broken)
    assert held(applied)[0] == ("ben", "calendar")  # its shifts were worked out when it was read
    with applied.write() as connection:
        connection.execute(
            text('UPDATE calendar_copy SET expanded = \'{"of": "another version"}\'')
        )
    assert [source for _, source in held(applied)] == ["layer weekly"]
    watch.evaluate(clock.now())
    assert alerts(applied) == 1


@both_databases
def test_shifts_are_worked_out_when_a_calendar_is_read_and_not_when_somebody_is_paged(
    applied: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    other = Elsewhere(
        calendar(("ben", MONDAY, MONDAY + DAY), ("ben", MONDAY + 30 * DAY, MONDAY + 31 * DAY))
    )
    watch = CalendarWatch(applied, other.fetch)
    watch.evaluate(clock.now())
    parsed: list[str] = []

    def counted(*given: Any) -> CalendarShifts:
        parsed.append(given[0])
        return calendar_shifts(*given)

    monkeypatch.setattr("sentinel.store.oncall.calendar_copies.calendar_shifts", counted)

    def reaches() -> datetime | None:
        with applied.read() as connection:
            (copy,) = copies(connection, ["primary"]).values()
        return expanded_from(copy.expanded, ZoneInfo("UTC"))

    begun = MONDAY - 70 * DAY
    assert (held(applied)[0], reaches(), parsed) == (("ben", "calendar"), begun, [])
    later = StoredOnCall(applied).standings(MONDAY + 30 * DAY, "primary")[0]
    assert (later.people, later.until) == (("ben",), MONDAY + 31 * DAY)
    # Earlier than what is stored, or in another zone, it is worked out there and then.
    assert StoredOnCall(applied).standings(MONDAY - 80 * DAY, "primary")[0].people == ()
    assert len(parsed) == 1
    OnCallDocuments(applied).apply(
        DOCUMENT.replace("  primary:\n", "  primary:\n    timezone: Asia/Tokyo\n"), actor="ann"
    )
    assert (held(applied)[0], len(parsed)) == (("ben", "calendar"), 2)
    OnCallDocuments(applied).apply(DOCUMENT, actor="ann")
    # What stays the same is worked out again after a week, for the time ahead.
    clock.forward(days=6)
    watch.evaluate(clock.now())
    assert reaches() == begun
    clock.forward(days=1)
    watch.evaluate(clock.now())
    assert (reaches(), other.asked[-1][1]) == (begun + 7 * DAY, "one")
    other.body, other.etag = calendar(("ann", MONDAY, MONDAY + 9 * DAY)), "two"
    clock.forward(hours=1)
    watch.evaluate(clock.now())
    assert held(applied)[0] == ("ann", "calendar")
    assert len(parsed) == 2


def test_what_is_no_address_or_is_asked_too_often_is_refused():
    for fields, said in (
        ({"url": "ftp://x/y.ics"}, "it is no address"),
        ({"url": "https://"}, "it is no address"),
        ({"url": "secret:"}, "needs the name"),
        ({"url": "https://x/y.ics", "every": "1m"}, "at least 5m"),
    ):
        with pytest.raises(ValidationError, match=said):
            CalendarSource.model_validate(fields)
    assert CalendarSource.model_validate({"url": "secret:rota"}).every == HOUR
