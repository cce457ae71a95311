"""Buttons of messages in a chat act on what their message lists, in the name of who pressed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sentinel.access.roles import Role
from sentinel.alerts.actions import Suppress, Unsuppress
from sentinel.clock import FakeClock
from sentinel.engine.chat_buttons import ChatUser, Press, press, press_of
from sentinel.notifications.channel import Message
from sentinel.store import Store
from sentinel.store.access.people import People
from sentinel.store.audit.queries import every
from sentinel.store.notifications.matcher_silences import MatcherSilences
from tests.databases import both_databases
from tests.world import World

CHAT = "sentinel-slack-app/ops"
ANN = ChatUser(id="U061F7AUR", name="ann.lee", email="ann@example.org")
PASSWORD = "a long enough passphrase"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    store.receivers.set("ops", [CHAT])
    return World(store, clock, receivers=["ops"], group_wait="0s", group_interval="0s")


def pressed(world: World, action: str) -> Press:
    """The button of the last message that the chat got."""
    _, message = world.recorder.messages[-1]
    found = press_of(action, value_of(message))
    assert found is not None
    return found


def value_of(message: Message) -> str:
    """As the block writes it."""
    return f"{message.group_id}:{message.seq}:{int(message.at.timestamp() * 1000)}"


def states(world: World) -> list[tuple[Any, ...]]:
    return world.rows("SELECT status, acknowledged_by, resolved_by FROM alert ORDER BY title")


@both_databases
def test_a_button_acknowledges_what_its_message_lists_and_the_message_hears_of_it(
    world: World, store: Store
):
    world.sees({"/": 95.0, "/data": 95.0})
    world.tells()
    button = pressed(world, "acknowledge")
    world.wait(minutes=1)
    world.sees({"/": 95.0, "/data": 95.0, "/late": 95.0})
    assert press(store, ANN, button) == "You acknowledged 2 alerts, as slack:ann.lee."
    assert sorted(row[:2] for row in states(world)) == [
        ("acknowledged", "slack:ann.lee"), ("acknowledged", "slack:ann.lee"), ("open", ""),
    ]  # fmt: skip
    again = press(store, ANN, button)
    assert again == "There is nothing left to acknowledge in this message."
    world.tells()
    assert press(store, ANN, pressed(world, "acknowledge")).startswith("You acknowledged 1 alert,")
    assert [one.reason for _, one in world.recorder.messages][-1] == "new_firing"
    world.tells()
    last = world.recorder.messages[-1][1]
    assert last.reason == "acknowledgement"
    assert {one.acknowledged_by for one in last.alerts} == {"slack:ann.lee"}
    rows = [row for some in every(store) for row in some if row.action == "alert.acknowledge"]
    assert {row.actor for row in rows} == {"slack:ann.lee"}
    assert {(row.kind, row.door) for row in rows} == {("slack", "slack")}


def test_an_account_with_the_email_address_acts_within_its_role(world: World, store: Store):
    people = People(store)
    people.create("ada", Role.ADMIN, password=PASSWORD, actor="setup")
    world.sees({"/": 95.0})
    world.tells()
    resolve = pressed(world, "resolve")
    assert "Only people with an account may resolve" in press(store, ANN, resolve)
    people.create("ann@example.org", Role.VIEWER, password=PASSWORD, actor="ada")
    assert "ann@example.org may not act on alerts" in press(store, ANN, resolve)
    people.grant("ann@example.org", Role.RESPONDER, tenants={"elsewhere"}, actor="ada")
    assert "You" not in press(store, ANN, resolve)
    people.grant("ann@example.org", Role.RESPONDER, actor="ada")
    people.disable("ann@example.org", actor="ada")
    assert "is disabled" in press(store, ANN, resolve)
    people.enable("ann@example.org", actor="ada")
    assert states(world)[0][0] == "open"
    assert press(store, ANN, resolve) == "You resolved 1 alert, as ann@example.org."
    assert states(world) == [("resolved", "", "ann@example.org")]


@pytest.mark.parametrize("how", ["silenced", "suppressed"])
def test_what_was_muted_when_the_message_was_sent_is_not_of_it(
    world: World, store: Store, clock: FakeClock, how: str
):
    world.sees({"/": 95.0, "/data": 95.0})
    data = world.ids()[1]
    until, silences = clock.now() + timedelta(minutes=10), MatcherSilences(store)
    made = None
    if how == "silenced":
        made, _ = silences.create(['mount="/data"'], until, actor="ann", comment="known")
    else:
        store.act([data], Suppress(until=until, actor="ann"))
    world.tells()
    assert world.recorder.messages[-1][1].firing == 1
    buttons = [pressed(world, "acknowledge"), pressed(world, "resolve")]
    world.wait(minutes=1)
    if made is not None:
        silences.expire(made.id, actor="ann")
    else:
        store.act([data], Unsuppress(actor="ann"))
    world.sees({"/": 95.0, "/data": 95.0})
    world.tells()
    assert [press(store, ANN, one)[:26] for one in buttons] == [
        "You acknowledged 1 alert, ",
        "You resolved 1 alert, as s",
    ]
    assert [row[0] for row in states(world)] == ["resolved", "open"]
    assert press(store, ANN, pressed(world, "resolve")).startswith("You resolved 1 alert,")


def test_somebody_unknown_may_not_act_where_there_are_accounts(world: World, store: Store):
    world.sees({"/": 95.0})
    world.tells()
    unknown = ChatUser(id="U1", name="ann", unknown="Slack did not say who you are.")
    people = People(store)
    people.create("ada", Role.ADMIN, password=PASSWORD, actor="setup")
    for action in ("acknowledge", "resolve"):
        assert press(store, unknown, pressed(world, action)) == "Slack did not say who you are."
    assert states(world) == [("open", "", "")]
    people.delete("ada", actor="setup")
    # While nobody has an account, there is none that may not act.
    assert press(store, unknown, pressed(world, "resolve")) == "You resolved 1 alert, as slack:ann."


def test_without_accounts_who_is_in_the_channel_may_resolve(world: World, store: Store):
    world.sees({"/": 95.0})
    world.tells()
    nobody = ChatUser(id="U1", name="<b>\x1b[31m")
    assert press(store, nobody, pressed(world, "resolve")) == "You resolved 1 alert, as slack:b31m."


@pytest.mark.parametrize(
    ("action", "value"),
    [("suppress", f"{'a' * 32}:1:1"), ("resolve", ""), ("resolve", f"{'a' * 32}"), ("", "x:1:1"),
     ("resolve", f"{'A' * 32}:1:1"), ("resolve", f"{'a' * 32}:-1:1"),
     ("resolve", f"{'a' * 32}:1"), ("resolve", f"{'a' * 32}:1:1\n"),
     ("resolve", f"{'a' * 32}:1:999999999999999")],
)  # fmt: skip
def test_a_button_of_something_else_is_none_of_ours(action: str, value: str):
    assert press_of(action, value) is None
