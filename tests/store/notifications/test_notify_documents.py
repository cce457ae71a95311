"""Documents of receivers and routes, applied to the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict
from sentinel.notifications.message_template import MessageTemplate
from sentinel.notifications.notify_document import read_notify
from sentinel.schema.silences import Silence
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.database.tables import SILENCE, model_of
from sentinel.store.notifications.declared_silences import present_silences
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.notifications.message_limits import message_limits, set_message_limit
from sentinel.store.notifications.message_templates import (
    declared_templates,
    message_templates,
    set_message_template,
)
from sentinel.store.notifications.notify_documents import apply_document, plan_document, state_of
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.documents import OnCallDocuments
from tests.databases import both_databases
from tests.world import World

DOCUMENT = """
receivers:
  - {name: db, channels: [inbox]}
route:
  receiver: default
  routes:
    - {matchers: [team="db"], receiver: db}
"""


@both_databases
def test_a_document_is_applied_at_once_and_only_where_it_differs(store: Store):
    store.receivers.set("by-hand", ["inbox"], actor="ada")
    document = read_notify({"notify.yaml": DOCUMENT})
    plan = plan_document(store, document)
    assert Routes(store).tree() is None
    assert apply_document(store, document, actor="ci", note="first") == plan
    assert [one.sign for one in plan] == ["+", "+", "+"]
    number = store.change_number()
    assert apply_document(store, document, actor="ci") == []
    assert (plan_document(store, document), store.change_number()) == ([], number)
    assert Routes(store).version().note == "first"
    actions = [one.action for one in page(store, AuditFilter()).items]
    assert actions == ["routes.applied", "receiver.set", "receiver.set"]
    # Edited elsewhere, it is a difference again.
    store.receivers.set("db", ["sentinel-slack/db"], actor="eve")
    Routes(store).rollback(0, actor="eve")
    assert [str(one) for one in plan_document(store, document)] == [
        "~ receiver db: +inbox, -sentinel-slack/db, the document owns it from now on",
        "+ route {}: receiver default",
        '+ route {}/{team="db"}: receiver db',
    ]
    apply_document(store, document, actor="ci")
    # All of it or nothing: the receiver is still named when it would be gone.
    broken = read_notify({"n": DOCUMENT.replace("name: db", "name: dba")})
    with pytest.raises(ConfigurationError, match="there is no receiver db"):
        apply_document(store, broken, actor="ci")
    # The plan refuses what applying it would.
    with pytest.raises(ConfigurationError, match="there is no receiver db"):
        plan_document(store, broken)
    unrouted = read_notify({"n": "receivers: []"})
    with pytest.raises(ConfigurationError, match="there is no receiver db"):
        plan_document(store, unrouted)
    paging = read_notify({"n": "route: {receiver: default, escalation: night}"})
    with pytest.raises(ConfigurationError, match="there is no escalation policy night"):
        plan_document(store, paging)
    assert set(store.receivers.all()) == {"by-hand", "db", "default"}
    gone = read_notify({"n": "receivers: []\nroute: {receiver: default}"})
    assert [str(one) for one in apply_document(store, gone, actor="ci")] == [
        "- receiver db",
        '- route {}/{team="db"}',
    ]
    assert set(store.receivers.all()) == {"by-hand", "default"}


def test_a_receiver_that_the_on_call_document_names_is_not_removed(store: Store):
    document = read_notify({"n": DOCUMENT.replace('team="db"', 'team="x"')})
    apply_document(store, document, actor="ci")
    on_call = "people: {ann: {notify: [{receiver: db}, {receiver: default}]}}"
    OnCallDocuments(store).apply(on_call, actor="ann")
    gone = read_notify({"n": "receivers: []\nroute: {receiver: default}"})
    with pytest.raises(Conflict, match="the on-call document names the receiver 'db'"):
        apply_document(store, gone, actor="ci")
    with pytest.raises(Conflict):
        store.receivers.remove("db")
    assert plan_document(store, document) == []
    # The default one is there without being stored, too.
    store.receivers.set("default", ["sentinel-webhook/x"])
    store.receivers.remove("default")
    OnCallDocuments(store).rollback(0, actor="ann")
    apply_document(store, gone, actor="ci")
    assert set(store.receivers.all()) == {"default"}


SILENCES = """
silences:
  - name: nightly-backup
    matchers: ['rule="disk", mount="/data"']
    until: 2026-06-01T00:00:00Z
    recurrence: {weekly: {timezone: Europe/Berlin, windows: [{start: '02:00', end: '04:00'}]}}
    comment: the backup fills the disk
  - name: move
    matchers: ['mount="/"', 'team="db"']
    start: 2026-01-02T18:00:00+01:00
    until: 2026-01-02T22:00:00+01:00
"""


@both_databases
def test_silences_of_a_document_are_made_changed_and_ended_and_others_stay(
    store: Store, clock: FakeClock
):
    world = World(store, clock)
    silences = MatcherSilences(store)
    by_hand, _ = silences.create(["host=x"], clock.now() + timedelta(days=9), actor="ada")
    world.sees({"/": 95, "/data": 97})

    def applied(text: str) -> list[str]:
        document = read_notify({"n": text})
        planned = plan_document(store, document)
        assert apply_document(store, document, actor="ci") == planned
        number = store.change_number()
        assert apply_document(store, document, actor="ci") == []
        assert store.change_number() == number
        return [str(one) for one in planned]

    def present() -> dict[str, tuple[datetime, datetime, bool]]:
        with store.read() as connection:
            found = present_silences(connection, clock.now())
        return {one.name: (one.start, one.until, bool(one.terms["recurrence"])) for one in found}

    first = applied(SILENCES)
    assert [one.partition(":")[0] for one in first] == [
        "+ silence nightly-backup",
        "+ silence move",
    ]
    assert 'matchers rule="disk",mount="/data"' in first[0].replace(", ", ",")
    begins = datetime(2026, 1, 2, 17, tzinfo=UTC)
    assert present()["move"] == (begins, begins + timedelta(hours=4), False)
    assert present()["nightly-backup"][0] == clock.now()
    # Another end moves the end, other matchers make another one in its place.
    later = applied(SILENCES.replace("22:00:00+01", "23:00:00+01"))
    assert later == ["~ silence move: until 2026-01-02 21:00:00+00:00 -> 2026-01-02 22:00:00+00:00"]
    clock.set(begins + timedelta(minutes=1))
    (other,) = applied(SILENCES.replace('mount="/"', 'mount=~"/|/data"'))
    assert other.endswith(
        "22:00:00+00:00 -> 2026-01-02 21:00:00+00:00; another one takes its place"
    )
    assert sum(1 for one in silences_of(store) if one.declared == "move") == 2
    # One that is over is left in Git, and comes back for nobody.
    clock.set(begins + timedelta(hours=5))
    assert applied(SILENCES) == []
    # A person may end one; the next plan shows it.
    (nightly,) = [one for one in silences_of(store) if one.declared == "nightly-backup"]
    silences.expire(nightly.id, actor="ada")
    assert [one[:25] for one in applied(SILENCES)] == ["+ silence nightly-backup:"]
    assert applied("silences: []") == ["- silence nightly-backup: it ends now"]
    assert applied("receivers: []") == []
    left = [one for one in silences_of(store) if one.ended_at is None and one.until > clock.now()]
    assert [one.id for one in left] == [by_hand.id]
    kinds = [one.action for one in page(store, AuditFilter()).items if one.actor == "ci"]
    assert sorted(set(kinds)) == ["silence.created", "silence.expired", "silence.extended"]


def test_a_declared_silence_mutes_at_once_and_its_end_is_decided_at_once(
    store: Store, clock: FakeClock
):
    world = World(store, clock, receivers=["ops"])
    store.receivers.set("ops", ["slack-webhook/ops"])
    text = "silences: [{name: quiet, matchers: ['rule=disk'], until: 2026-06-01T00:00:00Z}]"
    apply_document(store, read_notify({"n": text}), actor="ci")
    world.sees({"/": 95})
    world.tells()
    assert world.recorder.messages == []
    apply_document(store, read_notify({"n": "silences: []"}), actor="ci")
    world.tells()
    assert [message.firing for _, message in world.recorder.messages] == [1]


def test_a_silence_that_cannot_be_is_refused_with_its_name(store: Store, clock: FakeClock):
    for wrong, said in (
        ("{name: a, matchers: ['team=~\".*\"'], until: 2026-06-01T00:00:00Z}", "match alerts that"),
        ("{name: a, matchers: [x=y], until: 2026-06-01T00:00:00}", "silences.0.until"),
        ("{name: A b, matchers: [x=y], until: 2026-06-01T00:00:00Z}", "silences.0.name"),
        ("{name: a, matchers: [x=y], start: 2026-07-01T00:00:00Z, until: 2026-06-01T00:00:00Z}",
         "it must be after start"),
    ):  # fmt: skip
        with pytest.raises(ConfigurationError, match=said):
            read_notify({"n": f"silences: [{wrong}]"})
    far = read_notify({"n": "silences: [{name: a, matchers: [x=y], until: 2036-01-01T00:00:00Z}]"})
    with pytest.raises(ConfigurationError, match="silence a: the silence ends more than 366 days"):
        apply_document(store, far, actor="ci")
    twice = "silences: [{name: a, matchers: [x=y], until: 2026-06-01T00:00:00Z}]"
    with pytest.raises(ConfigurationError, match="silences a is in one and in two"):
        read_notify({"one": twice, "two": twice})


def silences_of(store: Store) -> list[Silence]:
    with store.read() as connection:
        rows = connection.execute(select(SILENCE).order_by(SILENCE.c.id))
        return [model_of(Silence, row) for row in rows]


SETTINGS = """
receivers:
  - name: db
    channels: [inbox, slack-webhook/db]
    per_minute: 10
    announce_silences: true
    templates:
      all: {title: "{group_severity}: {title}"}
      slack-webhook/db: {text: "{title} on {labels.host}"}
  - {name: web, channels: [inbox]}
channel_limits: {slack-webhook/db: 0}
"""


def test_limits_and_templates_of_a_document_are_set_and_what_it_leaves_out_stays(store: Store):
    store.receivers.set("web", ["inbox"])
    set_message_limit(store, "receiver", "web", 3)
    set_message_template(store, "web", "", MessageTemplate(text="by hand"))

    def applied(text: str) -> list[str]:
        document = read_notify({"n": text})
        state, planned = state_of(store), plan_document(store, document)
        assert apply_document(store, document, actor="ci") == planned
        assert (state_of(store) == state) == (planned == [])
        assert apply_document(store, document, actor="ci") == []
        return [str(one) for one in planned if one.kind not in ("receiver", "route")]

    assert applied(SETTINGS) == [
        "~ receiver setting db: announce_silences false -> true",
        "+ receiver limit db: that of all -> 10 a minute",
        "+ channel limit slack-webhook/db: that of all -> no limit",
        '+ template db: title "{group_severity}: {title}"',
        '+ template db on slack-webhook/db: text "{title} on {labels.host}"',
    ]
    limits = message_limits(store)
    assert (limits.receivers, limits.channels) == ({"db": 10, "web": 3}, {"slack-webhook/db": 0})
    assert message_templates(store, "web")[""].text == "by hand"
    sources = [limits.source("receiver", name) for name in ("db", "web", "other")]
    assert sources == ["file", "ui", "default"]
    assert limits.source("channel", "slack-webhook/db") == "file"
    assert declared_templates(store, "db") == {"", "slack-webhook/db"}
    assert declared_templates(store, "web") == frozenset()
    actions = {one.action for one in page(store, AuditFilter()).items if one.actor == "ci"}
    assert actions == {
        "receiver.set", "receiver.limited", "channel.limited", "receiver.templated",
        "receiver.announced",
    }  # fmt: skip
    # Edited elsewhere, each is a difference again; `default` and `{}` take back.
    set_message_limit(store, "receiver", "db", 50)
    set_message_template(store, "db", "", MessageTemplate(title="other"))
    assert message_limits(store).source("receiver", "db") == "ui"
    assert declared_templates(store, "db") == {"slack-webhook/db"}
    assert applied(SETTINGS) == [
        "~ receiver limit db: 50 a minute -> 10 a minute",
        '~ template db: title "other" -> "{group_severity}: {title}"',
    ]
    back = """
receivers:
  - {name: db, channels: [inbox, slack-webhook/db], per_minute: default, templates: {}}
  - {name: web, channels: [inbox]}
channel_limits: {slack-webhook/db: default}
"""
    assert applied(back) == [
        "- receiver limit db: 10 a minute -> that of all",
        "- channel limit slack-webhook/db: no limit -> that of all",
        "- template db: the built-in texts are sent",
        "- template db on slack-webhook/db: the built-in texts are sent",
    ]
    assert message_limits(store).receivers == {"web": 3}
    # All of it or nothing.
    with pytest.raises(ConfigurationError, match="no receiver has the channel 'slack-webhook/x'"):
        applied(SETTINGS.replace("channel_limits: {", "channel_limits: {slack-webhook/x: 5, "))
    assert message_limits(store).receivers == {"web": 3}


def test_a_document_takes_over_limits_and_templates_that_are_as_it_says(store: Store):
    store.receivers.set("web", ["inbox"])
    set_message_limit(store, "receiver", "web", 3)
    set_message_template(store, "web", "", MessageTemplate(text="by hand"))
    text = """
receivers:
  - {name: web, channels: [inbox], per_minute: 3, templates: {all: {text: by hand}}}
"""

    def applied() -> list[str]:
        return [str(one) for one in apply_document(store, read_notify({"n": text}), actor="ci")]

    assert applied() == [
        "~ receiver web: the document owns it from now on",
        "~ receiver limit web: the document owns it from now on",
        "~ template web: the document owns it from now on",
    ]
    assert message_limits(store).source("receiver", "web") == "file"
    assert declared_templates(store, "web") == {""}
    assert applied() == []
