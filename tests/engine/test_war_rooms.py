"""War rooms in Slack: incidents on both databases, and a Slack that checks each request."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import select

from blocks.slack import SlackChannel
from blocks.slack_rooms import SlackRooms, rooms_by
from sentinel.clock import FakeClock
from sentinel.engine.war_rooms import RoomOptions, follow_rooms
from sentinel.errors import ConfigurationError, DeliveryError
from sentinel.incidents.state import Incident, Status
from sentinel.notifications.channel import Channel
from sentinel.schema.notices import Notice
from sentinel.store import Store
from sentinel.store.database.tables import table_of
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.incidents.policies import IncidentPolicyDocuments
from sentinel.store.incidents.rooms import Rooms
from sentinel.store.incidents.timeline import timeline_of
from sentinel.store.oncall.documents import OnCallDocuments
from tests.blocks.slack_server import SlackServer, slack_server
from tests.databases import both_databases
from tests.world import World

NOTICE = table_of(Notice)
NOTICES = select(NOTICE.c.body).order_by(NOTICE.c.created_at)
NAME = "inc-20261130-checkout-is-down-"


@pytest.fixture
def slack() -> Generator[SlackServer]:
    with slack_server() as server:
        yield server


@pytest.fixture
def configured(store: Store, clock: FakeClock) -> Store:
    clock.set(datetime(2026, 11, 30, 12, tzinfo=UTC))
    store.options = msgspec.structs.replace(store.options, war_room_url="slack:ops")
    return store


def follow(store: Store, slack: SlackServer, **options: object) -> int:
    given = msgspec.convert(options, RoomOptions)
    return follow_rooms(store, lambda _: SlackRooms(slack.app), given)


def opened(store: Store, **more: object) -> Incident:
    new = msgspec.convert({"title": "Checkout is down", **more}, NewIncident)
    return Incidents(store).open(new, actor="ann")


def said(store: Store, incident: Incident) -> list[str]:
    entries = timeline_of(store, incident.id).entries
    return [one.text for one in entries if one.kind.startswith("room_")]


@both_databases
def test_an_incident_gets_a_channel_with_its_people_and_its_status_in_the_topic(
    configured: Store, clock: FakeClock, slack: SlackServer
):
    slack.members = {"ann@example.org": "U0ANN", "ops@example.org": "U0OPS"}
    OnCallDocuments(configured).apply(
        "people: {ann: {email: Ann@example.org, notify: [{receiver: default}]}}", actor="ann"
    )
    one = opened(configured, assignee="ann", receivers=["default"])
    assert one.war_room == "slack:ops"

    clock.forward(seconds=5)
    assert follow(configured, slack, invite=["ops@example.org", "gone@example.org"]) == 1
    (room,) = slack.channels.values()
    assert room["name"] == NAME + one.id[-8:]
    assert room["members"] == ["U0ANN", "U0OPS"]
    assert room["topic"].startswith("sev3 investigating · Checkout is down · http")
    assert room["topic"].endswith(f"/incidents?incident={one.id}")
    now = Incidents(configured).get(one.id)
    assert now.war_room == f"https://acme.slack.com/archives/{room['id']}"
    assert said(configured, one) == [f"opened the war room #{room['name']} in Slack"]
    with configured.read() as connection:
        texts = [str(one) for one in connection.execute(NOTICES).scalars()]
    assert "War room" not in texts[0], "what is no address yet is not sent"
    assert f"War room: {now.war_room}" in texts[-1]

    # Nothing more is asked of Slack until something changes.
    calls = len(slack.calls)
    assert follow(configured, slack, invite=["ops@example.org", "gone@example.org"]) == 0
    assert len(slack.calls) == calls
    slack.members["ben@example.org"] = "U0BEN"
    Incidents(configured).assign(one.id, "ben@example.org", actor="ann", role="commander")
    Incidents(configured).set_status(one.id, Status.IDENTIFIED, actor="ann")
    follow(configured, slack, invite=["ops@example.org"])
    assert room["members"] == ["U0ANN", "U0OPS", "U0BEN"]
    assert room["topic"].startswith("sev3 identified")
    assert slack.methods().count("conversations.create") == 1


def test_a_policy_opens_an_incident_with_a_private_channel(
    store: Store, clock: FakeClock, slack: SlackServer
):
    IncidentPolicyDocuments(store).apply(
        "policies: [{name: all, min_severity: info, war_room: 'slack:ops'}]", actor="ann"
    )
    World(store, clock).raises("/a")
    follow(store, slack, private=True)
    (room,) = slack.channels.values()
    assert room["is_private"]


def test_an_answer_that_was_lost_leads_to_no_second_channel(
    configured: Store, clock: FakeClock, slack: SlackServer
):
    for number in range(5):
        slack.channel(f"other-{number}")
    one = opened(configured)
    slack.loses = {"conversations.create"}
    follow(configured, slack)
    assert Incidents(configured).get(one.id).war_room == "slack:ops"
    clock.forward(minutes=5)
    follow(configured, slack)
    assert Incidents(configured).get(one.id).war_room == "https://acme.slack.com/archives/C0000005"
    assert len(slack.channels) == 6


def test_a_new_title_leads_to_no_second_channel_after_a_lost_answer(
    configured: Store, clock: FakeClock, slack: SlackServer
):
    one = opened(configured)
    slack.loses = {"conversations.create"}
    follow(configured, slack)
    Incidents(configured).edit(one.id, {"title": "Payments are down"}, actor="ann")
    clock.forward(minutes=5)
    follow(configured, slack)
    (room,) = slack.channels.values()
    assert room["name"] == NAME + one.id[-8:]
    assert Incidents(configured).get(one.id).war_room.endswith(room["id"])
    # Nor where the incident was reopened after its channel was archived.
    Incidents(configured).set_status(one.id, Status.RESOLVED, actor="ann")
    clock.forward(minutes=16)
    follow(configured, slack, archive=True)
    Incidents(configured).set_status(one.id, Status.INVESTIGATING, actor="ann")
    slack.loses = {"conversations.create"}
    follow(configured, slack)
    Incidents(configured).edit(one.id, {"title": "All is down"}, actor="ann")
    clock.forward(minutes=5)
    follow(configured, slack)
    assert len(slack.channels) == 2


def test_a_channel_is_found_among_many(configured: Store, clock: FakeClock, slack: SlackServer):
    for number in range(2):
        slack.channel(f"other-{number}", purpose="x" * 150_000)
    one = opened(configured)
    slack.loses = {"conversations.create"}
    follow(configured, slack)
    clock.forward(minutes=5)
    follow(configured, slack)
    assert Incidents(configured).get(one.id).war_room == "https://acme.slack.com/archives/C0000002"


@both_databases
def test_a_room_that_another_process_opened_meanwhile_is_not_opened_again(
    configured: Store, clock: FakeClock, slack: SlackServer
):
    one = opened(configured)
    rooms = Rooms(configured)
    (read_before,) = rooms.due()
    follow(configured, slack)
    assert not rooms.claim(read_before)
    clock.forward(minutes=5)
    assert not rooms.claim(read_before)
    assert len(said(configured, one)) == 1
    (now,) = rooms.due()
    assert rooms.claim(now)


def test_many_open_rooms_keep_no_other_one_waiting(configured: Store, slack: SlackServer):
    for number in range(51):
        opened(configured, title=f"x{number}")
    assert (follow(configured, slack), follow(configured, slack)) == (50, 1)
    assert len(slack.channels) == 51


def test_a_name_of_somebody_elses_channel_is_left_alone(configured: Store, slack: SlackServer):
    one = opened(configured)
    slack.channel(NAME + one.id[-8:], creator="U0ELSE")
    follow(configured, slack)
    names = [room["name"] for room in slack.channels.values()]
    assert names[1:] == [f"{NAME}{one.id[-8:]}-2"]


def test_an_error_is_in_the_timeline_once_and_tried_again(
    configured: Store, clock: FakeClock, slack: SlackServer
):
    one = opened(configured)
    for _ in range(2):
        slack.refuses = {"conversations.create": "missing_scope"}
        assert follow(configured, slack) == 1
        assert follow(configured, slack) == 0, "it waits"
        clock.forward(hours=1)
    (text,) = said(configured, one)
    assert "missing_scope (channels:manage)" in text
    follow(configured, slack)
    assert len(slack.channels) == 1


@both_databases
@pytest.mark.parametrize("archive", [True, False])
def test_a_channel_is_archived_where_that_is_set_once_nothing_can_reopen_the_incident(
    configured: Store, clock: FakeClock, slack: SlackServer, archive: bool
):
    one = opened(configured)
    follow(configured, slack, archive=archive)
    Incidents(configured).set_status(one.id, Status.RESOLVED, actor="ann")
    follow(configured, slack, archive=archive)
    (room,) = slack.channels.values()
    assert (room["topic"][:13], room["is_archived"]) == ("sev3 resolved", False)
    clock.forward(minutes=16)
    follow(configured, slack, archive=archive)
    assert room["is_archived"] is archive
    assert follow(configured, slack, archive=archive) == 0

    # A person reopens it: another channel, since a bot cannot unarchive one.
    Incidents(configured).set_status(one.id, Status.INVESTIGATING, actor="ann")
    follow(configured, slack, archive=archive)
    assert len(slack.channels) == (2 if archive else 1)
    room = [*slack.channels.values()][-1]
    assert room["topic"].startswith("sev3 investigating")
    assert Incidents(configured).get(one.id).war_room.endswith(room["id"])


def test_a_channel_that_a_person_archived_is_not_touched_again(
    configured: Store, slack: SlackServer
):
    one = opened(configured)
    follow(configured, slack)
    next(iter(slack.channels.values()))["is_archived"] = True
    Incidents(configured).set_status(one.id, Status.MONITORING, actor="ann")
    follow(configured, slack)
    calls = len(slack.calls)
    assert follow(configured, slack) == 0
    assert len(slack.calls) == calls
    assert len(slack.channels) == 1


def test_an_incident_that_was_resolved_before_needs_no_channel(
    configured: Store, clock: FakeClock, slack: SlackServer
):
    one = opened(configured)
    slack.refuses = {"auth.test": "service_unavailable"}
    follow(configured, slack)
    Incidents(configured).set_status(one.id, Status.RESOLVED, actor="ann")
    clock.forward(hours=1)
    follow(configured, slack)
    assert slack.channels == {}


def test_an_address_that_a_person_wrote_stays(
    configured: Store, clock: FakeClock, slack: SlackServer
):
    one = opened(configured)
    slack.refuses = {"auth.test": "service_unavailable"}
    follow(configured, slack)
    Incidents(configured).edit(one.id, {"war_room": "https://meet.example.org/1"}, actor="ann")
    clock.forward(hours=1)
    follow(configured, slack)
    assert Incidents(configured).get(one.id).war_room == "https://meet.example.org/1"


def test_a_person_uses_only_an_app_that_is_configured(store: Store):
    with pytest.raises(ConfigurationError, match="'other' makes no war rooms"):
        opened(store, war_room="slack:other")
    one = opened(store, war_room="https://meet.example.org/1")
    with pytest.raises(ConfigurationError, match="'other' makes no war rooms"):
        Incidents(store).edit(one.id, {"war_room": "slack:other"}, actor="ann")
    IncidentPolicyDocuments(store).apply(
        "policies: [{name: all, tenant: acme, war_room: 'slack:other'}]", actor="ann"
    )
    with pytest.raises(ConfigurationError, match="'other' makes no war rooms"):
        opened(store, war_room="slack:other")
    assert opened(store, war_room="slack:other", tenant="acme").war_room == "slack:other"


def test_the_block_is_found_by_its_name(slack: SlackServer):
    asked: list[str] = []

    def channel_of(ref: str) -> Channel:
        asked.append(ref)
        return slack.app if ref.endswith("/ops") else SlackChannel(ref, slack.url)

    assert rooms_by(channel_of)("ops").invite("C1", "nobody@example.org") is False
    assert asked == ["sentinel-slack-app/ops"]
    with pytest.raises(DeliveryError, match="no Slack app"):
        rooms_by(channel_of)("else")
