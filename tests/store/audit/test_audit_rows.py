"""Every change by a person or a key leaves one row, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sentinel.access import Role
from sentinel.alerts.actions import Acknowledge, Assign, Comment, Resolve, Suppress
from sentinel.audit.actions import ACTIONS
from sentinel.audit.change import REDACTED, Change, channel_change
from sentinel.audit.origin import Origin, acting
from sentinel.clock import FakeClock
from sentinel.errors import NotFound
from sentinel.notifications.channel import Message
from sentinel.notifications.message_template import MessageTemplate
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.audit.queries import AuditItem, every
from sentinel.store.notifications.announced_receivers import set_announced
from sentinel.store.notifications.channel_health import record_recovery
from sentinel.store.notifications.message_limits import set_message_limit
from sentinel.store.notifications.message_templates import set_message_template
from tests.event_policies.streets import Street, policy
from tests.world import World


def rows(store: Store) -> list[AuditItem]:
    """All rows, oldest first."""
    return [one for some in every(store) for one in some][::-1]


def test_an_acknowledgement_leaves_one_row(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/": 95})
    (alert,) = world.ids()
    assert rows(store) == []  # evaluations are in the timelines of alerts
    with acting(Origin("api", "key")):
        store.act([alert], Acknowledge(actor="ada", comment="on it"))
    (row,) = rows(store)
    assert (row.actor, row.kind, row.door, row.tenant) == ("ada", "key", "api", "default")
    assert (row.action, row.object_kind, row.object_id) == ("alert.acknowledge", "alert", alert)
    assert (row.before, row.after) == ({"status": "open"}, {"status": "acknowledged"})
    assert (row.note, row.at, row.seq) == ("on it", clock.now(), None)


def test_what_changes_nothing_leaves_no_row(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/": 95})
    (alert,) = world.ids()
    store.act([alert], Acknowledge(actor="ada"))
    store.act([alert], Acknowledge(actor="ada"))
    store.act([alert], Comment(actor="ada", comment=" "))
    store.act(["0" * 32], Resolve(actor="ada"))
    store.receivers.set("ops", ["inbox"], actor="ada")
    store.receivers.set("ops", ["inbox"], actor="ada")
    assert [row.action for row in rows(store)] == ["alert.acknowledge", "receiver.set"]


def test_a_command_for_many_alerts_leaves_one_row_with_their_ids(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({f"/{number}": 95 for number in range(5)})
    until = clock.now() + timedelta(hours=1)
    store.act(world.ids(), Suppress(actor="ada", until=until, comment="moving"))
    (row,) = rows(store)
    assert (row.object_id, row.object_name) == ("", "5 alerts")
    assert row.after is not None
    assert row.after.pop("suppressed_until").startswith(until.isoformat()[:19])
    assert row.after["count"] == 5
    assert sorted(row.after["ids"]) == sorted(world.ids())


def test_a_person_who_is_assigned_is_named_by_a_pseudonym(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/": 95})
    store.act(world.ids(), Assign(actor="lena", assignee="grace"))
    (row,) = rows(store)
    assert (row.before, row.after) == ({"assignee": ""}, {"assignee": "grace"})
    stored = world.rows("SELECT after, actor FROM audit")[0]
    assert "grace" not in stored[0]
    assert "lena" not in stored[1]  # of letters that no pseudonym has


def _channel_fails(store: Store) -> None:
    from sentinel.notifications.breaker import Breaker
    from sentinel.store.notifications import channel_health

    with store.write() as connection:
        channel_health._write(  # pyright: ignore[reportPrivateUsage] - as `record` does
            store, connection, "sentinel-webhook/ops", Breaker(failures=3), error="it is down"
        )


def _one_message(store: Store) -> None:
    store.inbox.put(
        Message(
            id="m", group_id="g", dedup_key="g", at=store.now(), status="firing", reason="opened",
            severity="high", title="Disk", firing=1, resolved=0, alerts=(), url="http://x.example",
            reason_text="opened", receiver="default",
        )
    )  # fmt: skip


SETUP: dict[str, Callable[[Store], object]] = {
    "receiver.removed": lambda store: store.receivers.set("ops", ["inbox"]),
    "receiver.announced": lambda s: set_announced(s, "ops", True, actor="ada"),
    "receiver.templated": lambda store: store.receivers.set("ops", ["inbox"]),
    "rule.enabled": lambda store: store.rules.disable("disk", actor="x"),
    "view.removed": lambda store: store.views.save("ada", "live", "mine", "q=1"),
    "channel.tested": _channel_fails,
    "inbox.read": _one_message,
    "key.revoked": lambda store: Keys(store).create("bot", role=Role.VIEWER, actor="x"),
    "key.rotated": lambda store: Keys(store).create("bot", role=Role.VIEWER, actor="x"),
}
CHANGES: dict[str, Callable[[Store], object]] = {
    "rule.disabled": lambda store: store.rules.disable("disk", actor="ada", reason="moving"),
    "rule.enabled": lambda store: store.rules.enable("disk", actor="ada"),
    "rule.retired": lambda store: store.rules.retire("disk", actor="ada"),
    "receiver.set": lambda store: store.receivers.set("ops", ["inbox"], actor="ada"),
    "receiver.removed": lambda store: store.receivers.remove("ops", actor="ada"),
    "receiver.limited": lambda s: set_message_limit(s, "receiver", "ops", 5, actor="ada"),
    "receiver.templated": lambda s: set_message_template(
        s, "ops", "", MessageTemplate(title="{title}"), actor="ada"
    ),
    "channel.limited": lambda s: set_message_limit(s, "channel", "inbox", 0, actor="ada"),
    "view.saved": lambda store: store.views.save("ada", "live", "mine", "q=2"),
    "view.removed": lambda store: store.views.remove("ada", "live", "mine"),
    "channel.tested": lambda store: record_recovery(store, "sentinel-webhook/ops", actor="ada"),
    "inbox.read": lambda store: store.inbox.mark_read(actor="ada"),
    "key.created": lambda store: Keys(store).create("bot", role=Role.VIEWER, actor="ada"),
    "key.revoked": lambda store: Keys(store).revoke("bot", actor="ada"),
    "key.rotated": lambda store: Keys(store).rotate("bot", actor="ada"),
}


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_of_what_is_configured_leaves_one_row(store: Store, clock: FakeClock, action: str):
    World(store, clock).sees({"/": 10})
    SETUP.get(action, lambda store: None)(store)
    before = len(rows(store))
    store.origin = Origin("dashboard", "person")
    CHANGES[action](store)
    (row,) = rows(store)[before:]
    assert (row.action, row.actor, row.kind, row.door) == (action, "ada", "person", "dashboard")
    assert action in ACTIONS
    assert row.before or row.after


def test_a_receiver_s_row_says_what_it_was_and_what_it_is(store: Store):
    store.receivers.set("ops", ["inbox"], actor="ada")
    store.receivers.set("ops", ["sentinel-webhook/a"], actor="ada")
    store.receivers.remove("ops", actor="ada")
    assert [(row.before, row.after) for row in rows(store)] == [
        (None, {"channels": ["inbox"]}),
        ({"channels": ["inbox"]}, {"channels": ["sentinel-webhook/a"]}),
        ({"channels": ["sentinel-webhook/a"]}, None),
    ]


def test_a_change_that_is_refused_leaves_no_row(store: Store):
    with pytest.raises(NotFound):
        store.receivers.remove("nobody", actor="ada")
    assert rows(store) == []


def test_policies_that_are_rolled_out_leave_a_row_of_sentinel_s_own(store: Store, clock: FakeClock):
    Street(store, clock).deployed(policy("logins"))
    (row,) = rows(store)
    assert (row.action, row.actor, row.kind, row.door) == (
        "event_pack.set", "sentinel", "system", "engine",
    )  # fmt: skip
    assert row.after is not None
    assert row.after["policies"]


def test_a_change_outside_the_database_is_recorded_before_it_is_made(store: Store):
    seen: list[str] = []
    change = channel_change("channel.saved", "sentinel-webhook/ops", made=True)
    with store.audit.outside([change], actor="ada"):
        seen += [row.action for row in rows(store)]
    assert seen == ["channel.saved"]
    assert len(rows(store)) == 1


def test_a_change_outside_the_database_that_fails_is_followed_by_a_row_that_says_so(store: Store):
    def save() -> None:
        raise RuntimeError("Prefect does not answer")

    change = channel_change("channel.saved", "sentinel-webhook/ops", made=True)
    with pytest.raises(RuntimeError), store.audit.outside([change], actor="ada"):
        save()
    first, second = rows(store)
    assert (first.note, first.after) == ("", {"values": REDACTED})
    assert (second.note, second.after) == ("not done: Prefect does not answer", None)


def test_a_name_with_what_no_database_keeps_is_still_recorded(store: Store):
    nul: dict[str, Any] = {"text": "a\0b", "half": "\ud800", "infinite": float("inf")}
    change = Change(action="rule.enabled", object_kind="rule", object_id="a", after=nul)
    store.audit.write([change], actor=" ada " + "x" * 300)
    (row,) = rows(store)
    assert row.after == {**nul, "infinite": "inf"}
    assert len(row.actor) == 200
