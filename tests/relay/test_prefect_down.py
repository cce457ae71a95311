"""Prefect is down: a closed port. What is due is sent all the same, to real receivers, in time."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from blocks import channels as loading
from blocks.channels import Channels
from blocks.emergency import emergency_channel, usable_emergency
from blocks.webhook import SIGNATURE, SignedWebhook, signature
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, DeliveryError
from sentinel.notifications.channel import EMERGENCY
from sentinel.notifications.standby import Standby
from sentinel.prefect_client.client import PrefectApi
from sentinel.relay.dead_man import not_well
from sentinel.relay.loop import Relay
from sentinel.store import Store
from sentinel.store.notifications.explaining import Why
from tests.databases import sqlite_copy
from tests.prefect_server import Receiver, free_port
from tests.world import World

HOOK = "sentinel-webhook/ops"
DOWN = "Prefect is down, so Sentinel's relay sent this"
TWO_LEVELS = {"delay_minutes": 0.5, "max_level": 2, "channels": ["pager"]}
NOTHING = "Prefect is down, and no channel of the receiver default can be used"


class Given(msgspec.Struct, frozen=True):
    """The settings of an emergency channel."""

    emergency_url: SecretStr
    emergency_secret: SecretStr = SecretStr("")


@pytest.fixture
def store(migrated_sqlite: Path, tmp_path: Path, clock: FakeClock) -> Generator[Store]:
    """One database: what is asked of it has tests of its own on both."""
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db"), clock=clock)
    yield store
    store.close()


class Night:
    """A relay whose Prefect is a closed port, and an alert at once."""

    def __init__(self, store: Store, clock: FakeClock, *, emergency: str = "", ping: Any = None):
        self.store, self.clock = store, clock
        self.channels = Channels(store, usable_emergency(Given(SecretStr(emergency))))
        self.url = f"http://127.0.0.1:{free_port()}/api"
        self.relay = Relay(
            store, PrefectApi(self.url, pause=lambda _: None), self.channels.channel_of,
            holder="one", refresh=self.channels.refresh, in_memory=self.channels.in_memory,
            ping=ping,
        )  # fmt: skip
        self.world = World(store, clock)

    def passes(self, seconds: int) -> None:
        with temporary_settings(updates={PREFECT_API_URL: self.url}):
            for _ in range(seconds):
                self.clock.forward(seconds=1)
                self.relay.turn()

    def inbox(self) -> list[str]:
        return [str(one.body["reason_text"]) for one in self.store.inbox.page()]

    def explained(self) -> list[Why]:
        ((group,),) = self.world.rows("SELECT id FROM alert_group")
        return self.store.notification_log.explain(group)

    def log(self) -> list[tuple[str, str, str]]:
        """Receiver, channel and state of the deliveries."""
        return [
            tuple(row)
            for row in self.world.rows("SELECT receiver, channel, state FROM delivery ORDER BY id")
        ]


def bodies(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in receiver.requests]


def test_the_blocks_that_were_loaded_before_go_on_within_thirty_seconds(
    store: Store, clock: FakeClock, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    night = Night(store, clock)
    store.receivers.set("default", [HOOK])
    block = SignedWebhook(url=SecretStr(receiver.url), secret=SecretStr("a-shared-secret"))

    def loaded(_: str) -> SignedWebhook:
        return block

    with monkeypatch.context() as prefect_up:
        prefect_up.setattr(loading, "_load", loaded)
        night.channels.refresh()
    monkeypatch.setattr(loading, "FRESH_SECONDS", 0.0)
    night.world.sees({"/": 95})
    committed = clock.now()
    while not receiver.requests:
        night.passes(1)
        assert clock.now() - committed <= timedelta(seconds=30)
    (said,) = bodies(receiver)
    assert said["reason_text"] == f"first notification; {DOWN}"
    assert night.log() == [("default", HOOK, "sent")]


def test_where_no_block_could_be_loaded_the_emergency_channel_is_notified_once(
    store: Store, clock: FakeClock, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    night = Night(store, clock, emergency=receiver.url)
    store.receivers.set("default", ["inbox", HOOK])
    night.world.sees({"/": 95})
    committed = clock.now()
    while not receiver.requests:
        night.passes(1)
        assert clock.now() - committed <= timedelta(seconds=30)
    night.passes(300)
    (said,) = bodies(receiver)
    assert said["reason_text"] == f"first notification; {NOTHING}"
    assert night.inbox() == [f"first notification; {DOWN}"]
    # The channel itself is not called broken, and says why it waits.
    assert ("default", HOOK) not in {row[:2] for row in night.log()}
    ((waits,),) = night.world.rows(f"SELECT reason FROM notification_log WHERE channel = '{HOOK}'")
    assert waits == "prefect_down"
    why = {one.channel: str(one.decision.reason) for one in night.explained()}
    assert why == {"inbox": "repeat_interval", HOOK: "prefect_down"}

    # Prefect is back: a worker sends what waited, and the end to all who were notified.
    night.world.recorder.messages.clear()
    clock.forward(seconds=20)
    night.world.tells()
    assert [(ref, one.notices) for ref, one in night.world.recorder.messages] == [(HOOK, ())]
    night.world.sees({"/": 20})
    night.world.tells()
    ended = {ref for ref, one in night.world.recorder.messages if one.status == "resolved"}
    assert ended == {"inbox", HOOK, "emergency"}


def test_a_step_of_an_escalation_pages_within_thirty_seconds_and_the_next_one_too(
    store: Store, clock: FakeClock, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    night = Night(store, clock)
    store.receivers.set("pager", [HOOK])
    block = SignedWebhook(url=SecretStr(receiver.url), secret=SecretStr("a-shared-secret"))

    def loaded(_: str) -> SignedWebhook:
        return block

    with monkeypatch.context() as prefect_up:
        prefect_up.setattr(loading, "_load", loaded)
        night.channels.refresh()
    monkeypatch.setattr(loading, "FRESH_SECONDS", 0.0)
    paged = World(store, clock, name="paged", receivers=[], escalation_rules=TWO_LEVELS)
    paged.sees({"/": 95})
    due = clock.now() + timedelta(seconds=30)
    for level in (1, 2):
        night.passes(1)
        assert len(receiver.requests) == level - 1
        clock.set(due)
        while len(receiver.requests) < level:
            night.passes(1)
            assert clock.now() - due <= timedelta(seconds=30)
        said = bodies(receiver)[-1]["reason_text"]
        assert said.startswith(f"level {level} of the rule's own escalation pages receiver pager")
        assert said.endswith(DOWN)
        due += timedelta(seconds=30)
    assert night.log() == [("pager", HOOK, "sent")] * 2
    night.passes(6)
    assert night.world.rows("SELECT requested - served FROM wake WHERE name = 'escalate'") == [
        (0,)
    ]  # no run is asked for in vain
    logged = night.world.rows("SELECT message FROM system_log WHERE what = 'relay.escalated'")
    assert "Prefect is down; the relay sent 1 pages itself" in logged[0][0]


@pytest.mark.parametrize(("address", "heard"), [(True, "emergency"), (False, "inbox")])
def test_a_loaded_channel_that_does_not_answer_keeps_nobody_untold(
    store: Store, clock: FakeClock, receiver: Receiver, monkeypatch: pytest.MonkeyPatch,
    address: bool, heard: str,
):  # fmt: skip
    night = Night(store, clock, emergency=receiver.url if address else "")
    store.receivers.set("default", [HOOK, "sentinel-webhook/never-loaded"])
    nowhere = SecretStr(f"http://127.0.0.1:{free_port()}/")
    dead = SignedWebhook(url=nowhere, secret=SecretStr("a-shared-secret"))

    def loaded(ref: str) -> SignedWebhook:
        if ref != HOOK:
            raise DeliveryError("no such block")
        return dead

    with monkeypatch.context() as prefect_up:
        prefect_up.setattr(loading, "_load", loaded)
        night.channels.refresh()
    monkeypatch.setattr(loading, "FRESH_SECONDS", 0.0)
    for _ in range(5):
        store.apply(night.world.evaluation({"/": 95}))
        night.passes(30)
    ((opened_at,),) = night.world.rows("SELECT opened_at FROM channel_health")
    assert opened_at is not None
    receiver.requests.clear()
    other = World(store, clock, name="other", group_by=["rule"])
    other.sees({"/new": 95})
    night.passes(30)
    ((group,),) = night.world.rows("SELECT id FROM alert_group WHERE labels LIKE '%other%'")
    told = {
        row[0]
        for row in night.world.rows(
            f"SELECT channel FROM delivery WHERE group_id = '{group}' AND state = 'sent'"
        )
    }
    assert told == {heard}


@pytest.mark.parametrize("address", ["", "nonsense"], ids=["none", "a wrong one"])
def test_without_an_emergency_channel_the_inbox_is_notified(
    store: Store, clock: FakeClock, address: str
):
    night = Night(store, clock, emergency=address)
    store.receivers.set("default", [HOOK])
    night.world.sees({"/": 95})
    night.passes(60)
    assert night.inbox() == [f"first notification; {DOWN}"]


def test_a_relay_that_does_not_hold_the_lease_loads_blocks_too(store: Store, clock: FakeClock):
    loaded: list[str] = []
    other = Night(store, clock)
    second = Relay(
        store, None, other.channels.channel_of, holder="two", refresh=lambda: loaded.append("all")
    )
    assert other.relay.turn()
    assert not second.turn()
    assert loaded == ["all"]


def test_the_dead_mans_switch_is_not_pinged_while_prefect_is_down(
    store: Store, clock: FakeClock, caplog: pytest.LogCaptureFixture
):
    pings: list[None] = []
    night = Night(store, clock, ping=lambda: pings.append(None))
    night.passes(130)
    assert pings == []
    said = [one.message for one in caplog.records if "is not pinged" in one.message]
    assert said == ["the dead man's switch is not pinged: Prefect is down"]


def test_all_is_well_only_where_nothing_is_wrong():
    assert not_well(prefect_up=True, overdue=0, unpaged=0, broken=[]) == []
    assert not_well(prefect_up=False, overdue=2, unpaged=3, broken=["expire"]) == [
        "Prefect is down",
        "2 groups are due for a minute and nobody was notified",
        "3 steps or pages of escalations are due for a minute",
        "the relay cannot expire",
    ]


def test_what_stands_in_for_the_channels_of_a_receiver():
    some = Standby(loaded=lambda ref: ref in ("inbox", "a/1"), emergency=True)
    assert some.instead(["inbox"]) == []
    assert some.instead(["a/1", "b/2"]) == []
    assert some.instead(["inbox", "b/2"]) == ["emergency"]
    assert some.instead(["a/1", "b/2"], out={"b/2"}) == []
    assert some.instead(["a/1", "b/2"], out={"a/1"}) == ["emergency"]
    assert some.instead(["inbox", "a/1"], out={"a/1", "emergency"}) == ["emergency", "inbox"]
    none = Standby(loaded=lambda ref: ref in ("inbox", "a/1"))
    assert none.instead(["b/2"]) == ["inbox"]
    assert none.instead(["a/1"], out={"a/1"}) == ["inbox"]


def test_the_address_says_what_kind_of_channel_it_is(receiver: Receiver):
    kinds = {
        "https://hooks.slack.com/services/T/B/x": "SlackChannel",
        "https://hooks.example.org/x": "EmergencyWebhook",
        "gotify://host/token": "Apprise",
        "smtp://me:pass%40word@smtp.example.org:2525/?from=s@x.org&to=a@x.org,b@x.org": (
            "SentinelEmail"
        ),
    }
    made = {url: emergency_channel(Given(SecretStr(url))) for url in kinds}
    assert {url: type(one).__name__ for url, one in made.items()} == kinds
    mail: Any = list(made.values())[-1]
    assert mail.to == ["a@x.org", "b@x.org"]
    assert mail.server.smtp_port == 2525
    assert mail.server.password.get_secret_value() == "pass@word"


def test_an_emergency_webhook_is_signed_where_there_is_a_secret(receiver: Receiver):
    from tests.blocks.messages import message

    for secret in ("", "a-shared-secret"):
        channel = emergency_channel(Given(SecretStr(receiver.url), SecretStr(secret)))
        assert channel is not None
        assert channel.send(message()).answer == "200 OK"
    plain, proved = receiver.requests
    assert SIGNATURE not in plain.headers
    assert proved.headers[SIGNATURE] == signature("a-shared-secret", proved.body)


@pytest.mark.parametrize(
    "url", ["nonsense", "mailto://a:S3CRET@x", "smtp://u:S3CRET@x/?to=a@x.org"]
)
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str):
    with pytest.raises(ConfigurationError, match="SENTINEL_EMERGENCY_URL") as caught:
        emergency_channel(Given(SecretStr(url)))
    assert "S3CRET" not in str(caught.value)
    assert "Value error" not in str(caught.value)


def test_a_process_without_the_setting_says_what_to_do(store: Store):
    with pytest.raises(DeliveryError, match="Set SENTINEL_EMERGENCY_URL") as caught:
        Channels(store).channel_of("emergency")
    assert caught.value.permanent


def test_groups_that_wait_for_prefect_hold_up_no_new_one(store: Store, clock: FakeClock):
    world = World(store, clock, group_by=["mount"], severity="critical")
    store.receivers.set("default", ["sentinel-webhook/ops"])
    down = Standby(loaded=EMERGENCY.__eq__, emergency=True)
    late = timedelta(seconds=15)
    mounts = [f"/{number}" for number in range(90)]  # a claim takes at most fifty
    world.sees(dict.fromkeys(mounts, 95.0))
    world.wait(seconds=16)
    assert world.tells(overdue_for=late, standby=down).sent == 90
    world.recorder.messages.clear()
    world.sees({"/new": 95.0, **dict.fromkeys(mounts, 95.0)})
    world.wait(seconds=31)
    assert world.tells(overdue_for=late, standby=down).sent == 1
    ((channel, message),) = world.recorder.messages
    assert (channel, [one.labels["mount"] for one in message.alerts]) == ("emergency", ["/new"])
