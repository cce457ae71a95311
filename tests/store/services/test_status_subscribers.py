"""Subscribers of status pages in the database: asked, confirmed, sent each update once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from sentinel.access import Reach, Scope
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.services.status_page import status_page_of
from sentinel.services.status_subscription import SubscriberKind
from sentinel.store import Store
from sentinel.store.audit.people import erase, export
from sentinel.store.audit.queries import AuditFilter, every
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.options import StoreOptions
from sentinel.store.services.status_deliveries import (
    CLAIM,
    Sent,
    StatusSend,
    claim_status,
    finish_status,
)
from sentinel.store.services.status_pages import StatusPages
from sentinel.store.services.status_subscribers import StatusSubscribers
from sentinel.store.services.status_writing import write_pages

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PUBLIC = "https://status.example.org"


class Scene:
    """A page `shop` with two components, its subscribers, and an incident."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        clock.set(NOW)
        store.options = StoreOptions(public_url=PUBLIC, status_mail="sentinel-email/status")
        self.store, self.clock = store, clock
        self.people = StatusSubscribers(store)
        self.save()

    def save(self, **more: Any) -> None:
        """Save the page, with other fields."""
        given = {
            "name": "shop", "title": "Shop", "public": True, "subscribe": ["email", "webhook"],
            "components": [{"service": "checkout", "title": "Checkout"}, {"service": "search"}],
        }  # fmt: skip
        StatusPages(self.store).save(status_page_of(given | more), actor="ann")

    def asked(self, target: str, *chosen: str, kind: SubscriberKind = "email") -> str:
        """Somebody signs up; gives the token of the link that they are sent."""
        self.people.sign_up("shop", kind, target, chosen)
        (one,) = self.sent(kind)
        assert one.news is None
        return one.link.rpartition("/")[2]

    def subscribed(
        self, target: str = "maria@example.org", *chosen: str, kind: SubscriberKind = "email"
    ) -> str:
        """Somebody signs up and confirms; gives their token."""
        token = self.asked(target, *chosen, kind=kind)
        assert self.people.confirm(token)
        self.clock.forward(seconds=1)
        return token

    def posts(self, *texts: str, service: str = "checkout") -> None:
        """Public updates of a new incident, and the page is written."""
        one = Incidents(self.store).open(NewIncident(title="SECRET", service=service), actor="ann")
        for text in texts:
            Incidents(self.store).update(one.id, text, actor="ann", public=True)
        self.writes()

    def writes(self) -> None:
        """The flow writes the page, a minute later."""
        self.clock.forward(minutes=1)
        write_pages(self.store)

    def sent(
        self, kind: SubscriberKind = "email", error: str = "", **more: Any
    ) -> list[StatusSend]:
        """What is due is sent, and taken or not."""
        found = claim_status(self.store, kind)
        finish_status(self.store, [Sent(send=one, error=error, **more) for one in found])
        return found

    def told(self, kind: SubscriberKind = "email") -> list[tuple[str, str]]:
        """Who is sent which update."""
        return [(one.target, one.news.text if one.news else "?") for one in self.sent(kind)]


@pytest.fixture
def scene(store: Store, clock: FakeClock) -> Scene:
    return Scene(store, clock)


def actions(store: Store) -> list[tuple[str, str]]:
    rows = [one for some in every(store, AuditFilter()) for one in some]
    return sorted((one.action, one.actor) for one in rows if "subscribed" in one.action)


def test_nothing_but_a_question_is_sent_before_it_is_confirmed(scene: Scene):
    token = scene.asked("Maria@Example.org")
    scene.posts("Some payments fail.")
    assert scene.told() == []
    found = scene.people.find(token)
    assert found is not None
    assert (found.title, found.who, found.confirmed) == ("Shop", "M…@Example.org", False)
    assert scene.people.confirm(token)
    assert scene.people.confirm(token), "the link may be opened again"
    scene.writes()
    assert scene.told() == [], "an update of before"
    scene.posts("We found the cause.")
    assert scene.told() == [("Maria@Example.org", "We found the cause.")]
    assert actions(scene.store) == [("status_page.subscribed", "subscriber")]


def test_each_update_is_handed_out_once(scene: Scene):
    scene.subscribed()
    scene.posts("one", "two")
    scene.writes()
    (one, two) = scene.sent()
    assert [each.news and each.news.text for each in (one, two)] == ["one", "two"]
    assert one.news is not None
    assert (one.news.heading, one.news.components) == ("Incident affecting Checkout", ["Checkout"])
    assert "SECRET" not in msgspec.json.encode(one.news).decode()
    for _ in range(3):
        scene.writes()
    assert scene.told() == []


def test_who_chose_components_hears_of_those_and_of_what_names_none(scene: Scene):
    scene.subscribed("search@example.org", "search")
    scene.posts("of checkout")
    scene.posts("of search", service="search")
    scene.posts("of none", service="")
    assert [text for _, text in scene.told()] == ["of search", "of none"]
    with pytest.raises(ConfigurationError, match="no such component"):
        scene.people.sign_up("shop", "email", "a@example.org", ["Secret"])


def test_a_title_of_two_components_is_chosen_with_both(scene: Scene):
    scene.save(components=[{"service": one, "title": "API"} for one in ("checkout", "search")])
    scene.subscribed("a@example.org", "API")
    scene.posts("of checkout")
    scene.posts("of search", service="search")
    assert [text for _, text in scene.told()] == ["of checkout", "of search"]


@pytest.mark.parametrize("kind", ["email", "webhook"])
def test_what_a_dead_sender_had_claimed_is_sent_again_as_the_same(
    kind: SubscriberKind, scene: Scene
):
    target = "maria@example.org" if kind == "email" else "https://example.org/hook"
    scene.subscribed(target, kind=kind)
    scene.posts("Some payments fail.")
    (lost,) = claim_status(scene.store, kind)
    assert claim_status(scene.store, kind) == [], "another process has it"
    scene.clock.forward(minutes=CLAIM.total_seconds() / 60)
    assert scene.sent(kind) == [lost]
    assert scene.sent(kind) == []


def test_what_is_not_taken_is_sent_again_later_and_given_up_after_a_day(scene: Scene):
    scene.subscribed()
    scene.posts("Some payments fail.")
    assert len(scene.sent(error="it did not answer")) == 1
    assert scene.sent() == []
    scene.clock.forward(seconds=12)
    assert len(scene.sent(error="it did not answer", retry_after=3600)) == 1
    scene.clock.forward(minutes=59)
    assert scene.sent() == []
    scene.clock.forward(hours=24)
    assert len(scene.sent(error="it did not answer")) == 1
    scene.clock.forward(hours=1)
    assert scene.sent() == []
    (one,) = scene.people.list("shop")
    assert one.refused == 0, "nobody refused it"


def test_a_mail_server_that_is_away_for_days_costs_nobody_their_subscription(scene: Scene):
    scene.subscribed()
    for number in range(4):
        scene.posts(f"update {number}")
        scene.sent(error="it did not answer")
        scene.clock.forward(hours=25)
        scene.sent(error="it did not answer")
    assert len(scene.people.list("shop")) == 1


def test_who_refuses_three_in_a_row_is_no_subscriber_any_more(scene: Scene):
    scene.subscribed()
    for number in range(5):
        scene.posts(f"update {number}")
        scene.sent(error="" if number == 1 else "550", permanent=number != 1)
    assert scene.people.list("shop") == []
    assert ("status_page.unsubscribed", "sentinel") in actions(scene.store)


def test_an_address_that_refuses_the_question_is_forgotten(scene: Scene):
    scene.people.sign_up("shop", "webhook", "https://10.0.0.1/")
    scene.sent("webhook", error="private", permanent=True)
    assert scene.people.list("shop") == []
    assert actions(scene.store) == []


def test_nobody_is_asked_twice_within_the_hour_and_a_subscriber_never(scene: Scene):
    token = scene.asked("maria@example.org")
    scene.people.sign_up("shop", "email", "MARIA@example.org")
    assert scene.sent() == []
    scene.clock.forward(hours=1)
    assert scene.asked("maria@example.org") == token, "the link of before is still good"
    scene.people.confirm(token)
    scene.clock.forward(hours=2)
    scene.people.sign_up("shop", "email", "maria@example.org")
    assert scene.sent() == []


def test_webhooks_that_differ_in_capital_letters_are_two(scene: Scene):
    scene.people.sign_up("shop", "webhook", "https://example.org/hooks/A")
    scene.people.sign_up("shop", "webhook", "https://example.org/hooks/a")
    asked = [one.target for one in claim_status(scene.store, "webhook")]
    assert asked == ["https://example.org/hooks/A", "https://example.org/hooks/a"]


def test_who_does_not_confirm_within_two_days_is_forgotten(scene: Scene):
    token = scene.asked("maria@example.org")
    scene.clock.forward(hours=47)
    scene.writes()
    assert scene.people.find(token) is not None
    scene.clock.forward(hours=1)
    scene.writes()
    assert scene.people.find(token) is None
    assert not scene.people.confirm(token)


def test_who_leaves_is_deleted_with_what_waits_for_them(scene: Scene):
    token = scene.subscribed()
    scene.posts("Some payments fail.")
    (claimed,) = claim_status(scene.store, "email")
    assert scene.people.unsubscribe(token)
    finish_status(scene.store, [Sent(send=claimed, error="late")])
    scene.clock.forward(hours=1)
    assert scene.sent() == []
    assert scene.people.list("shop") == []
    assert not scene.people.unsubscribe(token)
    assert ("status_page.unsubscribed", "subscriber") in actions(scene.store)


def test_an_erased_address_is_no_subscriber_and_an_export_has_no_secret(scene: Scene):
    scene.subscribed("maria@example.org")
    scene.subscribed("other@example.org")
    rows = export(scene.store, "Maria@example.org", actor="root")["status_subscriber"]
    assert [one["target"] for one in rows] == ["maria@example.org"]
    assert "seed" not in rows[0]
    erase(scene.store, "maria@example.org", actor="root")
    assert [one.who for one in scene.people.list("shop")] == ["o…@example.org"]
    scene.posts("Some payments fail.")
    assert scene.told() == [("other@example.org", "Some payments fail.")]


@pytest.mark.parametrize("how", ["private", "token", "removed"])
def test_whoever_may_read_no_more_is_sent_nothing_more(how: str, scene: Scene):
    pages = StatusPages(scene.store)
    if how == "token":
        scene.save(public=False)
        pages.new_token("shop", actor="ann")
    scene.subscribed()
    match how:
        case "private":
            scene.save(public=False)
        case "token":
            pages.new_token("shop", actor="ann")
        case _:
            pages.remove("shop", actor="ann")
            scene.save()
    scene.posts("Some payments fail.")
    assert scene.told() == []


def test_a_page_takes_only_the_kinds_that_it_names_and_that_can_be_sent(scene: Scene):
    hook = scene.subscribed("https://example.org/hook", kind="webhook")
    assert hook
    scene.save(subscribe=["email"])
    scene.posts("Some payments fail.")
    assert scene.told("webhook") == []
    with pytest.raises(NotFound):
        scene.people.sign_up("shop", "webhook", "https://example.org/")
    scene.store.options = StoreOptions(public_url=PUBLIC)
    with pytest.raises(NotFound):
        scene.people.sign_up("shop", "email", "a@example.org")
    with pytest.raises(NotFound):
        scene.people.sign_up("none", "email", "a@example.org")


def test_a_flood_of_sign_ups_fills_a_page_no_further(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sentinel.store.services.status_subscribers._MOST_UNCONFIRMED", 2)
    for number in range(2):
        scene.people.sign_up("shop", "email", f"a{number}@example.org")
    with pytest.raises(Conflict, match="too many"):
        scene.people.sign_up("shop", "email", "b@example.org")


def test_subscribers_are_seen_and_removed_within_the_tenant(scene: Scene):
    scene.subscribed()
    other = StatusSubscribers(scene.store, Scope((Reach(tenants=frozenset({"acme"})),)))
    (one,) = scene.people.list("shop")
    assert scene.people.counts() == {"shop": 1}
    assert other.counts() == {}
    with pytest.raises(NotFound, match="no status page"):
        other.list("shop")
    with pytest.raises(NotFound, match="no status page"):
        other.remove("shop", one.id, actor="eve")
    with pytest.raises(NotFound, match="no subscriber"):
        scene.people.remove("shop", "0" * 32, actor="ann")
    scene.people.remove("shop", one.id, actor="ann")
    assert ("status_page.unsubscribed", "ann") in actions(scene.store)
    assert scene.people.counts() == {}


def test_an_update_of_a_day_ago_is_not_sent(scene: Scene):
    scene.subscribed()
    one = Incidents(scene.store).open(NewIncident(title="x"), actor="ann")
    Incidents(scene.store).update(one.id, "old", actor="ann", public=True)
    scene.clock.forward(hours=25)
    scene.writes()
    assert scene.told() == []
