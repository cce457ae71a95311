"""Status pages in the database: what they show, and what they do not; both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from sentinel.access import Reach, Scope
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.incidents.state import Status
from sentinel.services.definition import definition_of
from sentinel.services.status_html import PageNow, html_of
from sentinel.services.status_page import StatusPage, status_page_of
from sentinel.store import Store
from sentinel.store.audit.people import erase, export
from sentinel.store.audit.queries import AuditFilter, every
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.services.catalog import Services
from sentinel.store.services.status_deliveries import NEWS
from sentinel.store.services.status_pages import DAY, StatusPages
from sentinel.store.services.status_writing import write_pages
from tests.world import World

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ACME = Scope((Reach(tenants=frozenset({"acme"})),))


@pytest.fixture
def pages(store: Store, clock: FakeClock) -> StatusPages:
    clock.set(NOW)
    return StatusPages(store)


def page(**more: Any) -> StatusPage:
    return status_page_of({
        "name": "shop", "title": "Shop", "public": True,
        "components": [{"service": "checkout", "title": "Checkout"}, {"service": "search"}], **more,
    })  # fmt: skip


def written(store: Store, name: str = "shop") -> str:
    write_pages(store)
    found = StatusPages(store).served(name)
    assert found is not None
    return found.html


def days(store: Store) -> list[tuple[str, str, int, float, float]]:
    with store.read() as connection:
        rows = connection.execute(DAY.select().order_by(DAY.c.service, DAY.c.day)).all()
    return [(row.service, f"{row.day}", row.worst, row.seen, row.down) for row in rows]


def test_a_page_shows_public_updates_and_nothing_else_of_an_incident(
    pages: StatusPages, store: Store, clock: FakeClock
):
    pages.save(page(), actor="ann")
    incidents = Incidents(store)
    one = incidents.open(
        NewIncident(title="SECRET db-7", service="checkout", severity=4, description="SECRET",
                    assignee="SECRET-ann"), actor="ann",
    )  # fmt: skip
    incidents.update(one.id, "SECRET: the disk is full", actor="ann")
    assert "All systems operational" in written(store)
    incidents.update(one.id, "Some payments fail.", actor="ann", public=True)
    clock.forward(minutes=1)
    html = written(store)
    assert "Partial outage" in html
    assert "Some payments fail." in html
    assert "Incident affecting Checkout" in html
    incidents.update(
        one.id, "We found the cause.", actor="ann", public=True, public_title="Slow payments"
    )
    incidents.set_status(one.id, Status.RESOLVED, actor="ann", comment="SECRET")
    html = written(store)
    assert "Slow payments" in html
    assert "Resolved" in html
    assert "All systems operational" in html
    feed = pages.served("shop")
    assert feed is not None
    assert feed.feed.count("<entry>") == 2
    assert "SECRET" not in html + feed.feed
    with pytest.raises(ConfigurationError, match="not public"):
        incidents.update(one.id, "x", actor="ann", public_title="x")


def test_incidents_of_90_days_are_read_once_for_a_page(pages: StatusPages, store: Store):
    pages.save(page(), actor="ann")
    reads: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        reads.extend(["incidents"] if "incident_entry" in statement else [])

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        write_pages(store)
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    assert reads == ["incidents"]


def test_alerts_and_slos_count_only_where_the_page_says_so(
    pages: StatusPages, store: Store, clock: FakeClock
):
    Services(store).apply([definition_of({"name": "search", "aliases": ["find"]})], actor="ann")
    World(store, clock).raises("/secret", labels={"service": "find"}, severity="critical")
    pages.save(page(), actor="ann")
    assert "All systems operational" in written(store)
    pages.save(page(show=["alerts"]), actor="ann")
    html = written(store)
    assert "Partial outage" in html
    assert "secret" not in html
    # A maintenance window says that it is meant; an ordinary silence says nothing.
    silences = MatcherSilences(store)
    for maintenance in (False, True):
        silences.create(
            ['service="search"'], until=clock.now() + timedelta(hours=2), actor="ann",
            comment="SECRET", maintenance=maintenance,
        )  # fmt: skip
        html = written(store)
        assert ("Under maintenance" in html) is maintenance
    assert "Under way" in html
    assert "SECRET" not in html


def test_the_time_since_the_last_look_is_recorded_and_gaps_are_not(
    pages: StatusPages, store: Store, clock: FakeClock
):
    clock.set(datetime(2026, 11, 30, 23, 58, tzinfo=UTC))
    pages.save(page(), actor="ann")
    write_pages(store)
    assert days(store) == []
    one = Incidents(store).open(NewIncident(title="x", service="checkout", severity=5), actor="ann")
    clock.forward(minutes=1)
    write_pages(store)
    Incidents(store).update(one.id, "Down.", actor="ann", public=True)
    clock.forward(minutes=2)
    write_pages(store)
    assert days(store) == [
        ("checkout", "2026-11-30", 4, 120, 60), ("checkout", "2026-12-01", 4, 60, 60),
        ("search", "2026-11-30", 0, 120, 0), ("search", "2026-12-01", 0, 60, 0),
    ]  # fmt: skip
    clock.forward(hours=3)
    write_pages(store)
    assert days(store)[1] == ("checkout", "2026-12-01", 4, 360, 360)
    # What was recorded as up is down where a public incident says so.
    assert "down 2 min" in written(store)
    clock.forward(days=92)
    write_pages(store)
    assert {row[1] for row in days(store)} == {"2027-03-03"}


def test_a_changed_page_is_not_served_before_it_is_written_anew(pages: StatusPages, store: Store):
    pages.save(page(), actor="ann")
    written(store)
    pages.save(page(public=False), actor="ann")
    assert pages.served("shop") is None
    written(store)
    token = pages.new_token("shop", actor="ann")
    found = pages.served("shop")
    assert found is not None
    assert (found.public, found.opens(token), found.opens("x"), found.opens("")) == (
        False, True, False, False,
    )  # fmt: skip
    assert pages.new_token("shop", actor="ann") != token
    again = pages.served("shop")
    assert again is not None
    assert not again.opens(token)
    trail = [one.action for some in every(store, AuditFilter()) for one in some]
    assert sorted(trail) == ["status_page.saved"] * 2 + ["status_page.token"] * 2


def test_a_page_that_was_changed_while_others_were_written_shows_nothing_of_before(
    pages: StatusPages, store: Store, monkeypatch: pytest.MonkeyPatch
):
    pages.save(page(description="SECRET"), actor="ann")
    names = StatusPages.names

    def changed_after(of: StatusPages) -> Sequence[str]:
        found = names(of)
        pages.save(page(), actor="ann")
        return found

    monkeypatch.setattr(StatusPages, "names", changed_after)
    assert "SECRET" not in written(store)


def test_a_page_that_cannot_be_written_keeps_its_time_and_no_other_one_waits(
    pages: StatusPages, store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    pages.save(page(name="a", title="Broken"), actor="ann")
    pages.save(page(), actor="ann")
    write_pages(store)
    before = clock.now()
    clock.forward(minutes=1)

    def html(now: PageNow, *more: Any) -> str:
        if now.page.name == "a":
            raise RuntimeError("no")
        return html_of(now, *more)

    monkeypatch.setattr("sentinel.store.services.status_writing.html_of", html)
    with pytest.raises(ExceptionGroup, match="1 status pages were not written"):
        write_pages(store)
    assert pages.get("a").written_at == before
    assert pages.get("shop").written_at == clock.now()
    with store.read() as connection:
        assert {row.page for row in connection.execute(DAY.select())} == {"shop"}


def test_pages_of_other_tenants_are_as_unknown(pages: StatusPages, store: Store):
    pages.save(page(), actor="ann")
    theirs = StatusPages(store, ACME)
    assert theirs.list() == []
    with pytest.raises(NotFound):
        theirs.get("shop")
    with pytest.raises(NotFound):
        theirs.remove("shop", actor="eve")
    with pytest.raises(NotFound):
        theirs.new_token("shop", actor="eve")
    with pytest.raises(Conflict, match="taken"):
        theirs.save(page(tenant="acme"), actor="eve")
    one = Incidents(store).open(
        NewIncident(title="x", service="checkout", severity=5, tenant="acme"), actor="eve"
    )
    Incidents(store).update(one.id, "Theirs.", actor="eve", public=True)
    assert "Theirs." not in written(store)


def test_a_page_is_removed_with_its_days_and_a_name_is_erased(
    pages: StatusPages, store: Store, clock: FakeClock
):
    pages.save(page(public=False), actor="maria")
    pages.new_token("shop", actor="ben")
    written(store)
    clock.forward(minutes=1)
    written(store)
    (row,) = export(store, "maria", actor="ben")["status_page"]
    assert "token_hash" not in row
    erase(store, "maria", actor="ben")
    assert pages.get("shop").saved_by != "maria"
    with store.write() as connection:
        connection.execute(NEWS.insert().values(
            page="shop", entry="e1", body={"text": "SECRET"}, made_at=clock.now()
        ))  # fmt: skip
    pages.remove("shop", actor="ben")
    assert days(store) == []
    with store.read() as connection:
        assert connection.execute(NEWS.select()).all() == []
    assert write_pages(store) == 0
