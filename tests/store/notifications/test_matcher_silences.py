"""Silences by matchers: what they mute, from when until when, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from sentinel.access import Reach, Scope
from sentinel.alerts.actions import Suppress
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound, OutOfScope
from sentinel.notifications.why import shown
from sentinel.schema.silences import Silence
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.notifications.deliveries import Outcome
from sentinel.store.notifications.explaining import why_of_alert
from sentinel.store.notifications.matcher_silences import MatcherSilences
from tests.databases import both_databases
from tests.engine.test_dispatcher import FIRST
from tests.world import World

HOUR = timedelta(hours=1)
NEWS = ("firing", "new_firing")


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """`/` and `/data` fire; nobody was notified yet."""
    world = World(store, clock, team="db", labels={"env": "prod"}, repeat_interval="4h",
                  annotations={"summary": "mount={mount}"})  # fmt: skip
    world.sees({"/": 95, "/data": 95})
    return world


def silence(
    world: World, *matchers: str, length: timedelta = HOUR, **more: Any
) -> tuple[Silence, int]:
    until = world.clock.now() + more.pop("later", timedelta(0)) + length
    return MatcherSilences(world.store).create(
        matchers, until, actor="ann", comment="planned work", **more
    )


def named(world: World) -> list[list[str]]:
    """The mounts that each message names as firing."""
    world.tells()
    said = [
        sorted(one.labels["mount"] for one in message.alerts)
        for _, message in world.recorder.messages
    ]
    world.recorder.messages.clear()
    return said


def knows(world: World, mount: str) -> list[bool]:
    """Whether each channel knows of the alert of a mount, as `alert why` says."""
    ((alert,),) = world.rows("SELECT id FROM alert WHERE title = :what", what=f"mount={mount}")
    why = why_of_alert(world.store, alert)
    return [one.knows for group in why.groups for one in group.channels]


@both_databases
def test_it_mutes_what_matches_now_and_later_until_it_ends(world: World, clock: FakeClock):
    made, count = silence(world, 'mount="/data"', 'mount=~"/var.*", env="prod"')
    assert count == 1
    world.sees({"/": 95, "/data": 95, "/var/log": 95})
    assert named(world) == [["/"]]
    data, var = world.ids()[1:]
    for alert in (data, var):
        why = why_of_alert(world.store, alert)
        assert why.text == (
            f"The alert is silenced by ann until {shown(made.until)} (planned work), silence "
            f"{made.id}: messages of its group do not name it before that."
        )
    (channel,) = why_of_alert(world.store, data).groups[0].channels
    assert (channel.knows, channel.next_at) == (False, made.until)
    assert world.rows("SELECT suppressed FROM alert_group") == [(2,)]
    clock.set(made.until)
    assert named(world) == [["/", "/data", "/var/log"]]
    assert "silenced" not in why_of_alert(world.store, data).text


@both_databases
def test_where_all_that_fires_is_silenced_the_outcome_says_so(world: World, clock: FakeClock):
    made, count = silence(world, 'team="db"')
    assert (count, world.said(), world.reasons()) == (2, [], ["silenced"])
    (group,) = why_of_alert(world.store, world.ids()[0]).groups
    assert group.next_at == made.until
    assert group.channels[0].text == (
        f"Not notified now: all that fires is silenced. The next decision is at "
        f"{shown(made.until)}."
    )
    assert [(one.state, one.reason) for one in group.history] == [("held", "silenced")]
    clock.set(made.until)
    assert world.said() == [FIRST]


def test_a_channel_that_was_notified_before_hears_of_the_end_of_what_it_knew(
    world: World, clock: FakeClock
):
    assert named(world) == [["/", "/data"]]
    silence(world, 'team="db"')
    world.sees({"/": 20, "/data": 95})
    clock.forward(minutes=5)
    assert world.said() == [("firing", "partly_resolved")]
    world.sees({"/data": 20})
    assert world.said() == [("resolved", "resolved")]


@both_databases
def test_the_end_of_what_nobody_heard_of_is_sent_to_nobody(world: World, clock: FakeClock):
    silence(world, 'mount="/data"')
    assert named(world) == [["/"]]
    assert knows(world, "/data") == [False]
    world.sees({"/": 95, "/data": 20})
    clock.forward(minutes=5)
    assert named(world) == []
    assert world.reasons() == ["repeat_interval"]
    world.sees({"/": 20})
    world.tells()
    ((_, message),) = world.recorder.messages
    assert [(one.labels["mount"], one.status) for one in message.alerts] == [("/", "resolved")]


@both_databases
def test_what_a_channel_knew_before_it_was_muted_is_no_news_afterwards(
    world: World, clock: FakeClock
):
    assert named(world) == [["/", "/data"]]
    clock.forward(minutes=30)
    made, _ = silence(world, 'mount="/data"')
    assert knows(world, "/data") == [True]
    world.sees({"/": 95, "/data": 95, "/new": 95})
    assert named(world) == [["/", "/new"]]
    assert knows(world, "/data") == [True]
    clock.set(made.until)
    assert (named(world), world.reasons()) == ([], ["repeat_interval"])
    assert knows(world, "/data") == [True]
    clock.forward(hours=4)
    assert named(world) == [["/", "/data", "/new"]]
    assert named(world) == []


def test_the_end_of_what_was_known_before_it_was_muted_is_notified_also_after_another_message(
    world: World, clock: FakeClock
):
    assert named(world) == [["/", "/data"]]
    silence(world, 'mount="/data"', length=24 * HOUR)
    world.sees({"/": 95, "/data": 95, "/new": 95})
    clock.forward(minutes=5)
    assert named(world) == [["/", "/new"]]
    world.sees({"/": 95, "/data": 20, "/new": 95})
    clock.forward(minutes=5)
    assert named(world) == [["/", "/data", "/new"]]
    # What fires again while it is muted is another occurrence, of which nobody hears.
    world.sees({"/": 95, "/data": 95, "/new": 95})
    world.sees({"/": 95, "/data": 95, "/new": 95, "/newer": 95})
    clock.forward(minutes=5)
    assert named(world) == [["/", "/new", "/newer"]]
    world.sees({"/": 95, "/data": 20, "/new": 95, "/newer": 95})
    clock.forward(minutes=5)
    assert named(world) == []


def test_a_channel_is_told_of_what_was_muted_at_its_message_once(world: World, clock: FakeClock):
    made, _ = silence(world, 'mount="/data"')
    assert named(world) == [["/"]]
    # The group changes after the end of the silence, and before a decision has noted it.
    clock.set(made.until)
    world.sees({"/": 95, "/data": 95, "/new": 95})
    assert named(world) == [["/", "/data", "/new"]]
    clock.forward(minutes=10)
    assert (named(world), world.reasons()) == ([], ["repeat_interval"])


def test_what_is_silenced_while_its_message_is_sent_is_known_by_that(
    world: World, clock: FakeClock
):
    log = world.store.notification_log
    sending = log.claim("other")
    silence(world, 'mount="/data"')
    clock.forward(seconds=1)
    log.finish([Outcome(sent=one) for one in sending])
    world.sees({"/": 95, "/data": 95, "/new": 95})
    clock.forward(minutes=5)
    assert named(world) == [["/", "/new"]]
    world.sees({"/": 95, "/data": 20, "/new": 95})
    clock.forward(minutes=5)
    assert named(world) == [["/", "/data", "/new"]]


@pytest.mark.parametrize("recovers", [False, True])
def test_what_is_muted_again_before_a_message_named_it_stays_unknown(
    world: World, clock: FakeClock, recovers: bool
):
    first, _ = silence(world, 'mount="/data"')
    assert named(world) == [["/"]]
    clock.forward(minutes=1)
    MatcherSilences(world.store).expire(first.id, actor="ann")
    assert (named(world), world.reasons()) == ([], ["group_interval"])
    second, _ = silence(world, 'mount="/data"')
    assert knows(world, "/data") == [False]
    if recovers:
        world.sees({"/": 95, "/data": 20})
        clock.forward(minutes=10)
        assert (named(world), world.reasons()) == ([], ["repeat_interval"])
        return
    clock.set(second.until)
    assert named(world) == [["/", "/data"]]
    assert knows(world, "/data") == [True]


@both_databases
def test_it_is_extended_and_expired_by_people_with_an_audit_row_each(
    world: World, clock: FakeClock
):
    silences = MatcherSilences(world.store)
    made, _ = silence(world, 'team="db"')
    assert world.said() == []
    later = made.until + HOUR
    assert silences.extend(made.id, later, actor="bob").version == 2
    assert world.said() == []
    assert world.store.notification_log.next_due() == later
    clock.set(made.until)
    assert world.said() == []
    ended = silences.expire(made.id, actor="eve")
    assert (ended.ended_by, ended.ended_at) == ("eve", clock.now())
    assert world.store.notification_log.next_due() == clock.now()
    assert world.said() == [FIRST]
    assert silences.expire(made.id, actor="ann") == ended
    with pytest.raises(Conflict, match="over"):
        silences.extend(made.id, later, actor="ann")
    actions = [
        (one.action, one.actor) for one in page(world.store, AuditFilter(object=made.id)).items
    ]
    assert actions == [
        ("silence.expired", "eve"), ("silence.extended", "bob"), ("silence.created", "ann")
    ]  # fmt: skip


def test_before_its_start_it_mutes_nothing(world: World, clock: FakeClock):
    start = clock.now() + HOUR
    made, count = silence(world, 'team="db"', starts_at=start, later=HOUR)
    assert (count, made.starts_at) == (2, start)
    assert world.said() == [FIRST]
    clock.forward(hours=1, minutes=1)
    world.sees({"/": 95, "/data": 95, "/new": 95})
    assert (world.said(), world.reasons()) == ([], ["silenced"])
    clock.set(made.until)
    assert world.said() == [NEWS]


@both_databases
def test_one_that_comes_again_mutes_within_its_windows_alone(world: World, clock: FakeClock):
    start = clock.now() + HOUR
    nightly = {"rrule": "FREQ=DAILY", "first": f"{start:%Y-%m-%dT%H:%M}", "minutes": 90}
    made, _ = silence(world, 'team="db"', length=timedelta(days=900), maintenance=True,
                      recurrence={"occurrences": nightly})  # fmt: skip
    assert world.said() == [FIRST]
    for day in range(2):
        clock.set(start + timedelta(days=day))
        world.sees({"/": 95, "/data": 95, f"/{day}": 95})
        assert (world.said(), world.reasons()) == ([], ["silenced"])
        end = (start + timedelta(days=day)).replace(second=0, microsecond=0) + 1.5 * HOUR
        assert world.store.notification_log.next_due() == end
        assert why_of_alert(world.store, world.ids()[0]).text.startswith(
            f"The alert is in a maintenance window of ann until {shown(end)} (planned work)"
        )
        clock.set(end)
        assert world.said() == [NEWS]
    assert made.recurrence["occurrences"]["minutes"] == 90
    with pytest.raises(ConfigurationError, match="recurrence"):
        silence(world, 'team="db"', recurrence={"weekly": {"windows": [{"days": "someday"}]}})
    with pytest.raises(ConfigurationError, match="1830 days"):
        silence(world, 'team="db"', length=timedelta(days=2000), recurrence=made.recurrence)


def test_of_two_the_one_that_ends_first_frees_nothing(world: World, clock: FakeClock):
    long, _ = silence(world, 'team="db"', length=2 * HOUR)
    short, _ = silence(world, 'env="prod"')
    assert world.said() == []
    MatcherSilences(world.store).expire(short.id, actor="ann")
    assert world.said() == []
    MatcherSilences(world.store).extend(long.id, clock.now() + timedelta(minutes=1), actor="ann")
    assert world.said() == []
    clock.forward(minutes=1)
    assert world.said() == [FIRST]


def test_a_suppression_that_lasts_longer_keeps_its_alert_muted(world: World, clock: FakeClock):
    silence(world, 'team="db"')
    until = clock.now() + 2 * HOUR
    world.store.act(world.ids()[1:], Suppress(actor="ann", until=until))
    assert named(world) == []
    clock.forward(hours=1)
    assert named(world) == [["/"]]
    clock.set(until)
    assert named(world) == [["/", "/data"]]


def test_a_severity_that_comes_later_is_matched(store: Store, clock: FakeClock):
    world = World(store, clock, when={"levels": {"high": 90, "critical": 98}})
    silence(world, 'severity="critical"')
    world.sees({"/": 95})
    assert world.said() == [FIRST]
    world.sees({"/": 99})
    assert world.said() == []
    world.sees({"/": 95})
    assert named(world) == []


def test_a_preview_counts_and_lists_without_muting(world: World):
    silences = MatcherSilences(world.store)
    found = silences.preview(['mount="/data"', 'mount="/gone"'])
    assert (found.count, [one.title for one in found.alerts]) == (1, ["mount=/data"])
    assert silences.preview(['rule="disk", mount=~".*a"']).count == 1
    assert silences.preview(['rule="other"']).count == 0
    assert silences.preview(['team="db"'], tenant="red").count == 0
    assert world.said() == [FIRST]


def test_it_mutes_alerts_of_its_tenant_alone(world: World, store: Store, clock: FakeClock):
    red = World(store, clock, tenant="red", name="other", team="db")
    red.sees({"/": 95})
    silence(red, 'team="db"', tenant="red")
    assert world.said() == [FIRST]
    decided = world.rows("SELECT reason FROM notification_log ORDER BY reason")
    assert decided == [("repeat_interval",), ("silenced",)]


@pytest.mark.parametrize(
    ("reach", "matchers", "refused"),
    [
        (Reach(tenants=frozenset({"red"})), ['env="prod"'], True),
        (Reach(tenants=frozenset({"default"})), ['env="prod"'], False),
        (Reach(teams=frozenset({"db"})), ['env="prod"'], True),
        (Reach(teams=frozenset({"db"})), ['team="db", env="prod"', 'team="db"'], False),
        (Reach(teams=frozenset({"db"})), ['team="db"', 'team="web"'], True),
        (Reach(teams=frozenset({"db"})), ['team=~"db|web"'], True),
    ],
)
def test_confined_people_silence_what_is_in_their_reach_alone(
    world: World, reach: Reach, matchers: Sequence[str], refused: bool
):
    scope = Scope((reach,))
    silences = MatcherSilences(world.store)
    if refused:
        with pytest.raises(OutOfScope):
            silences.preview(matchers, scope=scope)
        with pytest.raises(OutOfScope):
            silence(world, *matchers, scope=scope)
        assert world.store.silences.page() == []
        return
    made, _ = silence(world, *matchers, scope=scope)
    assert world.store.silences.page(scope=scope) == [made]
    other = Scope((Reach(tenants=frozenset({"red"})),))
    with pytest.raises(NotFound):
        silences.expire(made.id, actor="ann", scope=other)
    with pytest.raises(NotFound):
        silences.extend(made.id, made.until, actor="ann", scope=other)
    assert world.store.silences.page(scope=other) == []


@pytest.mark.parametrize(
    ("length", "later", "words"),
    [(-HOUR, 0, "past"), (HOUR, 2, "before it begins"), (HOUR * 9000, 0, "366 days")],
)
def test_an_end_that_is_none_is_refused(world: World, length: timedelta, later: int, words: str):
    start = world.clock.now() + later * HOUR
    with pytest.raises(ConfigurationError, match=words):
        silence(world, 'team="db"', length=length, starts_at=start)
