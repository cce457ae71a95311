"""What a busy installation has beside its alerts, for the pages that show it.

So many of what comes with alerts as there are alerts by a factor: one group with a delivery for
every 10, a row of the audit for every 20, a message of the inbox and of the system log for every
50, an escalation for every 100, an incident for every 1,000. What people configure is of one size:
200 rules, 50 SLOs with 30 days of counts, 100 services, 50 receivers and routes, 20 schedules,
200 silences, 100 keys and consumer keys, 20 limit sets, and a custom dashboard.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, select

import benchmarks.dashboard as alerts
from sentinel import Reading, Rule, schema
from sentinel.access import Principal, Role
from sentinel.audit.change import Change
from sentinel.boards.document import board_of
from sentinel.checks.observation import Observation
from sentinel.evaluation.model import Evaluation
from sentinel.incidents.state import Status
from sentinel.schema.columns import new_id
from sentinel.services.definition import definition_of as service_of
from sentinel.slo.definition import definition_of as slo_of
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.api_usage.consumer_keys import ConsumerKeys
from sentinel.store.api_usage.limit_sets import LimitSets
from sentinel.store.audit.chaining import chain
from sentinel.store.custom_dashboards import Boards, Place
from sentinel.store.database.tables import ALERT, NOT_RESOLVED, TIMELINE, table_of
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.services.catalog import Services
from sentinel.store.slo.slos import Measurement, Slos

__all__ = ["ACTOR", "BOARD", "SLO", "fill_pages"]

ACTOR, BOARD, SLO = "bench", "wall", "slo-07"
"""Who looks, and the names of what single pages open."""
_PIECE = 5_000
_STATES = [*Status]


def fill_pages(store: Store, note: Callable[[str], None] = lambda _: None) -> None:
    """Write everything but alerts; those of `benchmarks.dashboard.fill` are there.

    Args:
        store: the shared database
        note: is told what is written next
    """
    chance = random.Random(11)
    for name, write in (
        ("rules", _rules), ("groups, deliveries and escalations", _notified),
        ("incidents", _incidents), ("messages", _messages), ("the audit", _audit),
        ("SLOs", _slos), ("what people configure", _configured),
    ):  # fmt: skip
        note(name)
        write(store, chance)
    with store.write() as connection:
        store.changed(connection)


def _insert(store: Store, table: type[Any] | Table, rows: Iterator[dict[str, Any]]) -> None:
    written = table if isinstance(table, Table) else table_of(table)
    while piece := [row for row, _ in zip(rows, range(_PIECE), strict=False)]:
        with store.write() as connection:
            connection.execute(written.insert(), piece)


def _past(store: Store, count: int) -> Iterator[tuple[int, datetime]]:
    """Yield numbers and moments of the last 90 days, oldest first."""
    now = store.now()
    step = timedelta(days=90) / max(count, 1)
    return ((number, now - step * (count - number)) for number in range(count))


def _rules(store: Store, chance: random.Random) -> None:
    """Each was evaluated once, and is OK: the alerts are of other series."""
    now = store.now()
    for number, name in enumerate(alerts.RULES):
        rule = Rule.model_validate({
            "name": name, "when": {"above": 90}, "team": chance.choice(alerts.TEAMS),
            "category": f"category-{number % 6}", "severity": chance.choice(alerts.SEVERITIES)[1],
        })  # fmt: skip
        readings = [Reading(labels={"host": "well"}, value=5.0)]
        store.apply(
            Evaluation(rule=rule, trigger="cpu_usage", slot=now, at=now, unit="percent",
                       observation=Observation(readings=readings, state={}))
        )  # fmt: skip


def _notified(store: Store, chance: random.Random) -> None:
    """Groups of the newest alerts, what was sent of them, and what escalated."""
    count = max(20, alerts.ALERTS // 10)
    with store.read() as connection:
        live: Sequence[str] = (
            connection.execute(select(ALERT.c.id).where(NOT_RESOLVED).order_by(ALERT.c.id))
            .scalars().all()
        )  # fmt: skip
    ids = [new_id() for _ in range(count)]
    first_live = max(0, count - len(live) // 5)

    def groups() -> Iterator[dict[str, Any]]:
        for number, at in _past(store, count):
            is_live = number >= first_live
            yield {
                "id": ids[number], "tenant": "default", "route": "", "key": ids[number],
                "labels": {"rule": chance.choice(alerts.RULES)}, "receivers": ["default"],
                "policy": {}, "status": "open" if is_live else "resolved", "severity": 3,
                "firing": 5 if is_live else 0, "title": f"5 alerts of group {number}",
                "opened_at": at, "updated_at": at,
                "resolved_at": None if is_live else at + timedelta(minutes=30),
            }  # fmt: skip

    def members() -> Iterator[dict[str, Any]]:
        for number, alert in enumerate(live):
            group = ids[min(count - 1, first_live + number // 5)]
            yield {"group_id": group, "alert_id": alert, "fired_seq": 1}

    def sent(number: int, at: datetime) -> dict[str, Any]:
        bad = chance.random() < 0.03
        return {
            "id": new_id(), "group_id": ids[number], "receiver": f"receiver-{number % 50:02d}",
            "channel": f"channel-{number % 20:02d}", "message_id": new_id(), "reason": "first",
            "state": "failed" if bad else "sent", "attempt": 1, "by": "relay", "started_at": at,
            "error": "answered 500" if bad else "", "ended_at": at + timedelta(seconds=1),
            "latency_ms": chance.randrange(2_000),
        }  # fmt: skip

    _insert(store, schema.AlertGroup, groups())
    _insert(store, schema.GroupMember, members())
    _insert(store, schema.Delivery, (sent(*one) for one in _past(store, count)))
    _escalations(store, chance, ids)


def _escalations(store: Store, chance: random.Random, groups: list[str]) -> None:
    count = max(10, alerts.ALERTS // 100)
    ids = [new_id() for _ in range(count)]

    def escalated() -> Iterator[dict[str, Any]]:
        for number, at in _past(store, count):
            yield {
                "id": ids[number], "group_id": groups[len(groups) - count + number],
                "tenant": "default", "team": chance.choice(alerts.TEAMS), "policy": "policy-0",
                "snapshot": {}, "state": "ended", "level": 1, "highest_level": 1, "opened_at": at,
                "first_page_at": at,
                "acknowledged_at": at + timedelta(minutes=chance.randrange(30)),
                "acknowledged_by": f"person-{number % 20:02d}", "answered_level": 1,
                "answered_at": at + timedelta(minutes=3), "ended_at": at + timedelta(hours=1),
                "ended_why": "resolved", "updated_at": at,
            }  # fmt: skip

    def pages() -> Iterator[dict[str, Any]]:
        for number, at in _past(store, count):
            yield {
                "id": new_id(), "escalation_id": ids[number],
                "group_id": groups[len(groups) - count + number], "kind": "page", "level": 1,
                "person": f"person-{number % 20:02d}", "receiver": "default", "why": "",
                "planned_at": at, "at": at, "state": "sent", "attempts": 1, "attempted_at": at,
                "answered_at": at,
            }  # fmt: skip

    _insert(store, schema.EscalationRow, escalated())
    _insert(store, schema.EscalationPage, pages())


def _incidents(store: Store, chance: random.Random) -> None:
    count = max(10, alerts.ALERTS // 1_000)
    ids = [new_id() for _ in range(count)]

    def opened() -> Iterator[dict[str, Any]]:
        for number, at in _past(store, count):
            is_live = number >= count - 20
            yield {
                "id": ids[number], "tenant": "default", "team": chance.choice(alerts.TEAMS),
                "title": f"{chance.choice(alerts.CAUSES)} of service-{number % 100}",
                "service": f"service-{number % 100}", "severity": 1 + number % 5,
                "status": chance.choice([one for one in _STATES if one is not Status.RESOLVED])
                if is_live else Status.RESOLVED, "gather_seconds": 3600.0, "opened_at": at,
                "opened_by": ACTOR, "updated_at": at, "acknowledged_by": ACTOR,
                "acknowledged_at": at + timedelta(minutes=chance.randrange(1, 60)),
                "resolved_at": None if is_live else at + timedelta(hours=2),
                "gathers_until": None if is_live else at + timedelta(hours=3),
            }  # fmt: skip

    def said() -> Iterator[dict[str, Any]]:
        for number, at in _past(store, count):
            for _ in range(3):
                yield {"id": new_id(), "incident_id": ids[number], "at": at, "kind": "comment",
                       "actor": ACTOR, "comment": "looking"}  # fmt: skip

    _insert(store, schema.IncidentRow, opened())
    _insert(store, schema.IncidentEntry, said())


def _messages(store: Store, chance: random.Random) -> None:
    count = max(50, alerts.ALERTS // 50)

    def received(number: int, at: datetime) -> dict[str, Any]:
        rank, word, _ = chance.choice(alerts.SEVERITIES)
        title = f"{chance.choice(alerts.CAUSES)} on host-{number % 2000:04d}"
        body: dict[str, Any] = {
            "id": new_id(), "group_id": new_id(), "dedup_key": "k", "at": at.isoformat(),
            "status": "firing", "reason": "first", "reason_text": "first notification",
            "receiver": "default", "title": title, "severity": word, "firing": 1, "resolved": 0,
            "alerts": [], "url": "",
        }  # fmt: skip
        return {
            "id": body["id"], "group_id": body["group_id"], "at": at, "status": "firing",
            "severity": rank, "title": title, "body": body,
            "read_at": at if number % 4 else None,
        }  # fmt: skip

    def logged(number: int, at: datetime) -> dict[str, Any]:
        level = chance.choices(["info", "warning", "error"], [90, 8, 2])[0]
        return {"id": new_id(), "at": at, "level": level, "what": "delivery.retried",
                "message": f"channel-{number % 20:02d} answered 500"}  # fmt: skip

    _insert(store, schema.InboxMessage, (received(*one) for one in _past(store, count)))
    _insert(store, schema.SystemLog, (logged(*one) for one in _past(store, count)))


def _acts(store: Store, count: int) -> None:
    """What people did with alerts, which the audit shows first."""
    with store.read() as connection:
        newest = select(ALERT.c.id).order_by(ALERT.c.id.desc()).limit(count)
        ids = connection.execute(newest).scalars().all()[::-1]

    def acted(number: int, at: datetime) -> dict[str, Any]:
        return {
            "id": new_id(), "alert_id": ids[number % len(ids)], "at": at, "kind": "acknowledged",
            "reason": "acknowledged", "actor": f"person-{number % 20:02d}", "comment": "looking",
            "status": "acknowledged", "severity": 3, "version": 1,
        }  # fmt: skip

    _insert(store, TIMELINE, (acted(*one) for one in _past(store, count)))


def _audit(store: Store, chance: random.Random) -> None:
    """Rows of the kind that people make most, in the chain as the relay puts them there."""
    left = max(50, alerts.ALERTS // 20)
    _acts(store, left)
    while left:
        with store.write() as connection:
            for _ in range(min(left, 1_000)):
                rule = chance.choice(alerts.RULES)
                change = Change(
                    action="rule.disabled", object_kind="rule", object_id=rule, object_name=rule,
                    tenant="default", before={"enabled": True}, after={"enabled": False},
                )  # fmt: skip
                actor = f"person-{chance.randrange(20):02d}"
                store.audit.add(connection, change, actor=actor)
                left -= 1
        chain(store)


def _slos(store: Store, chance: random.Random) -> None:
    now = store.now().replace(minute=0, second=0, microsecond=0)
    hours = [now - timedelta(hours=one) for one in range(24 * 30)]
    slos = Slos(store)
    for number in range(50):
        name = f"slo-{number:02d}"
        given = {
            "name": name,
            "team": chance.choice(alerts.TEAMS),
            "objectives": [{"target": 99.0}],
        }
        slos.save(slo_of(given), actor=ACTOR)
        slos.measure(
            name, [Measurement(1000 - chance.randrange(12), 1000, at) for at in hours],
            tenant="default",
        )  # fmt: skip


_ONCALL = """people: {{{people}}}
schedules: {{{schedules}}}
escalation_policies:
  policy-0:
    steps:
      - notify: schedule:schedule-0
      - {{after: 10m, notify: "person:person-01"}}
"""


def _configured(store: Store, chance: random.Random) -> None:
    for number in range(50):
        store.receivers.set(f"receiver-{number:02d}", ["inbox"])
    people = [f"person-{number:02d}" for number in range(20)]
    document = _ONCALL.format(
        people=", ".join(f"{one}: {{notify: [{{receiver: default}}]}}" for one in people),
        schedules=", ".join(
            f"schedule-{number}: {{timezone: UTC, layers: [{{name: weekly, rotation: {{people: "
            f"[{', '.join(chance.sample(people, 5))}], every: weekly, "
            "handoff: 2026-01-05T09:00}}]}"
            for number in range(20)
        ),
    )  # fmt: skip
    OnCallDocuments(store).apply(document, actor=ACTOR)
    routes = "".join(
        f"    - {{matchers: ['rule=\"{rule}\"'], receiver: receiver-{number:02d}}}\n"
        for number, rule in enumerate(alerts.RULES[:50])
    )
    Routes(store).apply(f"route:\n  receiver: default\n  routes:\n{routes}", actor=ACTOR)
    Services(store).apply(
        [
            service_of({"name": f"service-{number}", "owner": chance.choice(alerts.TEAMS),
                        "depends_on": [f"service-{one}" for one in (number + 1, number + 2)
                                       if one < 100]})
            for number in range(100)
        ],
        actor=ACTOR,
    )  # fmt: skip
    silences, keys, limits = MatcherSilences(store), Keys(store), LimitSets(store)
    consumers = ConsumerKeys(store)
    for number in range(200):
        silences.create(
            [f'host="host-{number:04d}"'],
            store.now() + timedelta(days=1 + number % 60),
            actor=ACTOR,
        )
    for number in range(100):
        keys.create(f"key {number}", Role.RESPONDER, actor=ACTOR)
        consumers.create(f"user-{number}", tenant="default", actor=ACTOR)
    for number in range(20):
        limits.save(f"limits-{number:02d}", "100/minute by key", tenant="default", actor=ACTOR)
    tiles: list[dict[str, Any]] = [
        {"kind": kind, "width": 2} for kind in ("count", "trend", "table", "oncall")
    ]
    tiles.append({"kind": "slo", "slo": SLO, "width": 2})
    who = Principal(name=ACTOR, kind="local", role=Role.ADMIN)
    Boards(store, who).save(BOARD, Place(), board_of({"tiles": tiles}), actor=ACTOR)
