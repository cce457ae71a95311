"""Self-watch from end to end: what happens to Sentinel itself becomes an alert in Sentinel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from sentinel import Rule
from sentinel.access import Role
from sentinel.access.lockout import ADDRESS_FREE, FREE
from sentinel.access.passwords import Verified
from sentinel.access.security_events import SECURITY_TENANT, SecurityEvent
from sentinel.access.sessions import Lifetime
from sentinel.alerts.view import AlertView
from sentinel.audit.change import channel_change
from sentinel.audit.origin import Origin, acting
from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import notify_due
from sentinel.engine.self_watch import SelfWatch
from sentinel.event_policies.pack import Spec, pack_of
from sentinel.event_policies.self_watch import POLICIES, SELF_WATCH, self_watch_rule
from sentinel.relay.matching import EventMatching
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.access.logins import Logins
from sentinel.store.access.people import People
from sentinel.store.access.security_log import SecurityLog
from sentinel.store.access.sessions import Sessions
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.audit.chaining import chain
from sentinel.store.audit.people import erase
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.notifications.routes import Routes
from sentinel.store.rules.made import add_rule
from tests.databases import both_databases
from tests.world import World

PASSWORD = "seven green bicycles"
HOME, OTHER = "192.0.2.7", "198.51.100.1"


class Watched:
    """An instance whose relay watches it; time moves only when told."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self._later: list[Callable[[], None]] = []
        self.security = SecurityLog(
            store,
            monotonic=lambda: clock.now().timestamp(),
            after=lambda _, do: self._later.append(do),
        )
        self.watch, self.matching = SelfWatch(store), EventMatching(store, "test")
        self.passes()

    def passes(self, **amount: float) -> None:
        """Let time pass; then every duty of the relay has its turn."""
        self.clock.forward(**(amount or {"seconds": 10}))
        due, self._later[:] = list(self._later), []
        for store in due:
            store()
        chain(self.store)
        self.watch.evaluate(self.clock.now())
        self.matching.turn()
        self.store.sweep()

    def refused(self, times: int = 1, **fields: str) -> None:
        """Requests that were refused."""
        known = {"who": "grafana", "who_kind": "key", "address": HOME, "what": "POST /rules"}
        event = {"action": "access.refused", "door": "api", "reason": "forbidden"}
        for _ in range(times):
            self.security.note(SecurityEvent(**{**event, **known, **fields}))  # pyright: ignore[reportArgumentType] - words

    def alerts(self, rule: str = "", status: str = "open") -> list[AlertView]:
        """The alerts of self-watch."""
        chosen = AlertFilter(tenant=SECURITY_TENANT, rule=rule)
        return [one for one in self.store.alerts.page(chosen).items if one.status == status]

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.store.read() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def titles(self) -> list[str]:
        return sorted(one.title for one in self.alerts())


@pytest.fixture
def watched(store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Watched:
    def compared(password: str, stored: str | None) -> Verified:
        return Verified(right=stored is not None and password == PASSWORD)

    monkeypatch.setattr("sentinel.store.access.logins.verify_password", compared)
    return Watched(store, clock)


def logins_of(watched: Watched) -> Logins:
    People(watched.store).create("maria", Role.EDITOR, password=PASSWORD, actor="ada")
    watched.passes()
    for one in watched.alerts():
        watched.clock.forward(days=1, minutes=1)
        assert one.rule == "permissions-changed"
    watched.passes()
    sessions = Sessions(watched.store, Lifetime(timedelta(hours=12), timedelta(days=7)))
    return Logins(watched.store, sessions, "dashboard", watched.security)


@both_databases
def test_failed_logins_of_a_name_open_an_alert_that_ends_an_hour_after_the_last(watched: Watched):
    logins = logins_of(watched)
    for _ in range(FREE - 1):
        logins.log_in("maria", "wrong", HOME)
    watched.passes()
    assert watched.alerts() == []
    logins.log_in("maria", "wrong", HOME)
    watched.passes()
    (alert,) = watched.alerts()
    assert alert.title == "5 logins of maria failed in a row, the last at 192.0.2.7"
    assert (alert.severity, alert.category, alert.labels) == ("high", "security", {"who": "maria"})
    watched.passes(minutes=59)
    assert len(watched.alerts()) == 1
    watched.passes(minutes=2)
    assert watched.alerts() == []


def test_who_tries_many_names_is_an_alert_of_their_address_without_what_they_typed(
    watched: Watched,
):
    logins = logins_of(watched)
    for number in range(ADDRESS_FREE):
        logins.log_in(f"typed-{number}", "wrong", OTHER)
    watched.passes()
    assert watched.titles() == [f"Many logins from {OTHER} failed, with whatever names"]
    blocks = watched.store.events.newest(100, SECURITY_TENANT)
    assert "typed" not in str(blocks)
    # One after the pause, and the others together.
    failed = [one for block in blocks for one in block.events if one["action"] == "login.failed"]
    assert [one["count"] for one in failed] == [ADDRESS_FREE]


@both_databases
def test_refused_access_is_an_alert_when_it_goes_on_or_comes_as_a_flood(watched: Watched):
    for _ in range(9):
        watched.refused(3)
        watched.passes()
    assert watched.alerts() == []
    watched.refused()
    watched.passes()
    assert watched.titles() == [
        "Access of grafana at 192.0.2.7 is refused again and again, the last time: "
        "POST /rules (forbidden)"
    ]
    watched.refused(5000, who="", who_kind="", address=OTHER, reason="wrong_key")
    watched.passes()
    assert (
        watched.titles()[0] == "5000 requests of a wrong key at 198.51.100.1 were refused at once"
    )
    assert watched.store.events.count(SECURITY_TENANT) == 11


@both_databases
def test_every_change_of_permissions_is_an_alert_that_says_who_did_what(watched: Watched):
    keys, people = Keys(watched.store), People(watched.store)
    people.create("maria", Role.VIEWER, password=PASSWORD, actor="ada")
    people.grant("maria", Role.ADMIN, actor="ada")
    keys.create("grafana", Role.RESPONDER, actor="bob")
    watched.passes()
    assert watched.titles() == ["ada gave a role to maria", "bob made the key grafana"]
    person = next(one for one in watched.alerts() if "maria" in one.title)
    assert (person.occurrences, person.labels) == (2, {"object_kind": "person", "object": "maria"})
    assert "Roles now: admin" in person.description
    assert PASSWORD not in str(watched.store.events.newest(100, SECURITY_TENANT))
    # Nobody is told twice where another process chains.
    watched.passes()
    assert next(one for one in watched.alerts() if "maria" in one.title).occurrences == 2
    watched.passes(days=1)
    assert watched.alerts() == []


@both_databases
def test_an_erased_name_is_in_no_alert_and_no_event_of_self_watch(watched: Watched):
    store = watched.store
    Keys(store).create("bot", Role.VIEWER, actor="Lena")
    watched.refused(who="Lena", who_kind="person")
    watched.passes()
    watched.passes(minutes=1)
    assert notify_due(store, lambda _: store.inbox, by="test").sent == 1
    label = erase(store, "Lena", actor="omar")
    watched.passes()
    assert watched.titles() == [f"{label} made the key bot"]
    (alert,) = watched.alerts()
    kept = [
        *store.events.newest(100, SECURITY_TENANT), alert, *watched.rows("SELECT * FROM inbox"),
        *watched.rows("SELECT * FROM alert_group"), *watched.rows("SELECT * FROM policy_memory"),
    ]  # fmt: skip
    assert "lena" not in str(kept).lower()
    assert str(kept).count(label) >= 4
    found = AlertFilter(tenant=SECURITY_TENANT, words=(label,))
    assert [one.id for one in store.alerts.page(found).items] == [alert.id]


def test_an_erasure_leaves_other_names_and_all_other_fields_as_they_were(watched: Watched):
    store = watched.store
    Keys(store).create("bot", Role.VIEWER, actor="maria.lopez")
    watched.refused(who="maria.lopez", who_kind="person")
    watched.passes()
    watched.passes(minutes=1)
    assert notify_due(store, lambda _: store.inbox, by="test").sent == 1
    store.log.write("info", "login.succeeded", "maria.lopez logged in", {"person": "maria.lopez"})

    def kept() -> list[object]:
        return [
            *store.events.newest(100, SECURITY_TENANT), *watched.rows("SELECT * FROM inbox"),
            *watched.rows("SELECT labels, details, title FROM alert"),
            *watched.rows("SELECT message, details FROM system_log ORDER BY id"),
        ]  # fmt: skip

    before = kept()
    for name in ("maria", "security", "sentinel", "who", "person", "permission"):
        erase(store, name, actor="omar")
    assert kept() == before
    watched.passes()
    assert watched.titles() == ["maria.lopez made the key bot"]


def test_a_change_to_a_critical_rule_is_an_alert_and_one_to_another_is_not(watched: Watched):
    store, clock = watched.store, watched.clock
    World(store, clock, name="disk").sees({"/": 50})
    World(store, clock, name="payments", severity="critical").sees({"/": 50})
    World(store, clock, name="marked", labels={"approval": "required"}).sees({"/": 50})
    for name in ("disk", "payments", "marked"):
        store.rules.disable(name, actor="ada", reason="too loud")
    store.rules.retire("marked", actor="its deployment")
    watched.passes()
    assert watched.titles() == [
        "ada disabled the rule payments, which is critical",
        "its deployment removed the rule marked, which is critical",
    ]
    # Nobody switches off what watches them without a trace.
    store.rules.disable("permissions-changed", actor="eve", tenant=SECURITY_TENANT)
    watched.passes()
    assert "eve disabled the rule permissions-changed, which is critical" in watched.titles()


@both_databases
def test_a_silence_by_matchers_that_may_mute_a_critical_rule_is_an_alert(watched: Watched):
    store, clock = watched.store, watched.clock
    World(store, clock, name="disk", team="web").sees({"/": 50})
    World(store, clock, name="payments", severity="critical", team="db").sees({"/": 50})
    silences = MatcherSilences(store)
    until = clock.now() + timedelta(hours=1)
    for who, matchers in (
        ("ada", ['rule="disk"']), ("bob", ['team="web", host="a"']), ("cid", ['severity="low"']),
        ("dan", ['team="web"', 'host="a", team=~"d.*"']), ("eve", ['severity=~"critical|high"']),
    ):  # fmt: skip
        made, _ = silences.create(matchers, until, actor=who)
    watched.passes()
    which = "also of a rule, which is critical"
    assert watched.titles() == [
        f'dan silenced alerts that match {{team="web"}} or {{host="a", team=~"d.*"}}, {which}',
        f'eve silenced alerts that match {{severity=~"critical|high"}}, {which}',
    ]
    silences.extend(made.id, until + timedelta(hours=1), actor="fay")
    watched.passes()
    assert any(title.startswith("fay moved the end of the silence") for title in watched.titles())


def test_a_rule_that_is_made_beside_the_policies_of_self_watch_is_an_alert(watched: Watched):
    made = Rule(name="quiet", tenant=SECURITY_TENANT)
    add_rule(
        watched.store, made, "cpu_usage", "system", enabled=False, actor="eve", source="api",
        given={},
    )  # fmt: skip
    watched.passes()
    (title,) = watched.titles()
    assert title.startswith("eve made the rule quiet")


def test_a_change_of_who_is_notified_is_an_alert_that_says_who_did_what(watched: Watched):
    store, bot = watched.store, Origin("api", "key")
    routes = Routes(store)
    with acting(bot):
        store.receivers.set("night", ["inbox"], actor="bot")
        store.receivers.set("gone", ["inbox"], actor="bot")
        store.receivers.remove("gone", actor="bot")
        routes.apply("route: {receiver: night}", actor="bot")
        store.audit.write([channel_change("channel.saved", "sentinel-slack/ops")], actor="bot")
        with store.audit.outside([channel_change("channel.removed", "slack/a")], actor="bot"):
            pass
    store.receivers.set("night", ["inbox", "sentinel-slack/ops"])  # by Sentinel itself
    watched.passes()
    assert watched.titles() == [
        "bot applied the routes, version 1",
        "bot removed the channel slack/a",
        "bot removed the receiver gone",
        "bot saved the channel sentinel-slack/ops",
        "bot set the channels of the receiver night",
    ]
    assert {(one.rule, one.severity) for one in watched.alerts()} == {
        ("notifications-changed", "medium")
    }
    night = next(one for one in watched.alerts() if "night" in one.title)
    assert night.occurrences == 1


@both_databases
def test_a_key_that_expires_soon_is_an_alert_until_it_was_rotated(watched: Watched):
    keys = Keys(watched.store)
    keys.create("grafana", Role.VIEWER, actor="ada", expires_in=timedelta(days=20))
    keys.create("gone", Role.VIEWER, actor="ada", expires_in=timedelta(days=3))
    keys.create("forever", Role.VIEWER, actor="ada")
    keys.revoke("gone", actor="ada")
    watched.passes()
    assert watched.alerts("key-expires-soon") == []
    watched.passes(days=6, hours=1)
    watched.passes(hours=1)
    (alert,) = watched.alerts("key-expires-soon")
    assert alert.title.startswith("The API key grafana expires on 2026-01-2")
    before = watched.store.events.count(SECURITY_TENANT)
    watched.passes(seconds=30)  # the same hour
    assert watched.store.events.count(SECURITY_TENANT) == before
    keys.rotate("grafana", actor="ada", expires_in=timedelta(days=90))
    watched.passes(hours=2)
    watched.passes(hours=2)
    assert watched.alerts("key-expires-soon") == []


def test_a_policy_that_was_switched_off_stays_off_when_the_relay_starts_again(watched: Watched):
    watched.store.rules.disable("permissions-changed", actor="ada", tenant=SECURITY_TENANT)
    watched.watch = SelfWatch(watched.store)
    Keys(watched.store).create("grafana", Role.VIEWER, actor="ada")
    watched.passes()
    assert watched.alerts("permissions-changed") == []
    assert not watched.store.rules.get("permissions-changed", SECURITY_TENANT).enabled


def test_the_policies_are_valid_and_their_names_are_rules():
    spec = Spec(rule=self_watch_rule().dump(), policies=POLICIES)
    pack = pack_of(spec)
    assert pack.name == SELF_WATCH
    assert all(rule.category == "security" and rule.resolve_after for rule in pack.rules)
    assert {rule.tenant for rule in pack.rules} == {SECURITY_TENANT}
    assert isinstance(pack.rules[0], Rule)
