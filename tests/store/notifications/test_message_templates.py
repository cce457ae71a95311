"""Templates of a receiver's messages are stored, used for each channel, and tried on an alert."""

from __future__ import annotations

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, NotFound
from sentinel.notifications.message_template import MessageTemplate, templated
from sentinel.store import Store
from sentinel.store.notifications.channel_health import channel_states, record_recovery
from sentinel.store.notifications.message_limits import message_limits, set_message_limit
from sentinel.store.notifications.message_templates import (
    message_on,
    message_templates,
    set_message_template,
)
from sentinel.store.notifications.removed_channels import forget_channel
from tests.world import World

CHAT, HOOK = "slack-incoming-webhook/ops", "sentinel-webhook/ops"


def test_each_channel_has_its_own_template_or_that_of_all(store: Store, clock: FakeClock):
    store.receivers.set("ops", [CHAT, HOOK])
    world = World(store, clock, receivers=["ops"], group_wait="0s")
    set_message_template(store, "ops", "", MessageTemplate(title="all: {labels.mount}"))
    set_message_template(store, "ops", CHAT, MessageTemplate(text="chat: {title}"))
    assert sorted(message_templates(store, "ops")) == ["", CHAT]
    world.sees({"/": 95.0})
    world.tells()
    sent = {ref: (one.title, one.text) for ref, one in world.recorder.messages}
    built_in, text = sent[CHAT]
    assert (built_in.startswith("["), text[:6]) == (True, "chat: ")
    assert sent[HOOK] == ("all: /", "")

    # A template is tried on an alert that is there, and nothing is sent.
    (alert,) = world.ids()
    made, _ = templated(message_on(store, "ops", alert), MessageTemplate(title="{rule} {firing}"))
    assert made.title == "disk 1"
    with pytest.raises(NotFound, match="there is no alert"):
        message_on(store, "ops", "nothing")

    set_message_template(store, "ops", "", None)
    assert list(message_templates(store, "ops")) == [CHAT]
    store.receivers.set("default", ["inbox", CHAT])
    set_message_template(store, "default", CHAT, MessageTemplate(title="{rule}"))
    set_message_limit(store, "receiver", "ops", 7)
    set_message_limit(store, "channel", CHAT, 7)
    record_recovery(store, CHAT)
    store.receivers.remove("ops")
    store.receivers.set("ops", ["inbox"])
    assert message_templates(store, "ops") == {}
    assert (message_limits(store).receivers, message_limits(store).channels) == ({}, {CHAT: 7})

    # What hangs on a channel goes with its block.
    forget_channel(store, CHAT, actor="ada")
    assert message_limits(store).channels == {}
    assert message_templates(store, "default") == {}
    (state,) = [one for one in channel_states(store, [CHAT]) if one.channel == CHAT]
    assert state.state == "untried"


def test_a_template_that_fails_is_logged_and_the_message_is_sent(store: Store, clock: FakeClock):
    store.receivers.set("ops", [CHAT])
    world = World(store, clock, receivers=["ops"], group_wait="0s")
    set_message_template(store, "ops", "", MessageTemplate(title="{acknowledged_by}"))
    world.sees({"/": 95.0})
    world.tells()
    ((_, message),) = world.recorder.messages
    assert message.title.startswith("[")
    (logged,) = world.rows("SELECT level, message FROM system_log WHERE what = 'template.failed'")
    assert logged[0] == "warning"
    assert "its title came out empty" in logged[1]


def test_a_template_of_nobody_is_refused(store: Store):
    store.receivers.set("ops", [CHAT])
    with pytest.raises(NotFound, match="no receiver 'nobody'"):
        set_message_template(store, "nobody", "", MessageTemplate(title="x"))
    with pytest.raises(ConfigurationError, match="has no channel 'inbox'"):
        set_message_template(store, "ops", "inbox", MessageTemplate(title="x"))
    with pytest.raises(ConfigurationError, match="line 1, column 2"):
        set_message_template(store, "ops", CHAT, MessageTemplate(title="{nothing}"))
