"""Which incidents gather the alerts that opened, in the transaction that opened them.

An alert joins the open incidents of its tenant whose matchers it matches. One that none of them
takes is asked about by the policies, and joins the incident of its policy and `group_by` labels, or
opens it. So a storm is one incident, and a crash loses none and doubles none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, bindparam, or_, select

from sentinel.incidents.lifecycle import recurred, worsened
from sentinel.incidents.policy import (
    IncidentPolicy,
    Policies,
    compiled_matchers,
    gather_key,
)
from sentinel.incidents.state import Incident, Status
from sentinel.labels.matchers import matches
from sentinel.prefect_client.port import OutEvent
from sentinel.schema.columns import Moment, new_id
from sentinel.store.database.among import among
from sentinel.store.database.bulk import insert_new
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT
from sentinel.store.incidents.policies import active_policies
from sentinel.store.incidents.rows import (
    INCIDENT,
    INCIDENT_ALERT,
    NewEntry,
    incident_of,
    write_entries,
)
from sentinel.store.incidents.writing import (
    announce,
    audited,
    incident_event,
    insert_incident,
    war_room_at,
    write_incident,
)
from sentinel.store.notifications.rule_labels import COLUMNS, RuleLabels
from sentinel.template import render

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_TITLES", "add_alerts", "alerts_data", "gather"]

MOST_TITLES = 5
"""So many alerts an entry of the timeline names."""
_LONGEST_TITLE = 300


class _Alert(NamedTuple):
    """What is gathered of an alert."""

    id: str
    title: str
    severity: int
    labels: dict[str, str]
    team: str


class _Wanted(NamedTuple):
    """The alerts of one key of a policy."""

    policy: IncidentPolicy
    tenant: str
    labels: dict[str, str]
    alerts: list[_Alert]


def gather(
    store: Store, connection: Connection, ids: Sequence[str], now: datetime
) -> list[OutEvent]:
    """Let incidents gather alerts that opened, reopened or became more severe.

    Args:
        store: the shared database
        connection: the transaction in which they did; their rows are written
        ids: of the alerts
        now: the present moment

    Returns:
        Events for the outbox: incidents that opened or reopened.
    """
    policies = active_policies(connection)
    gathering = connection.execute(_GATHERING, {"now": now}).all()
    if policies is None and not gathering:
        return []
    return _Gathering(store, connection, now, policies, gathering).of(ids)


class _Gathering:
    """One transaction's gathering.

    Args:
        store: the shared database
        connection: the open transaction
        now: the present moment
        policies: the active ones; None for none
        gathering: rows of the incidents that gather alerts
    """

    def __init__(
        self, store: Store, connection: Connection, now: datetime, policies: Policies | None,
        gathering: Sequence[Row[Any]],
    ) -> None:  # fmt: skip
        self._store, self._connection, self._now = store, connection, now
        self._policies = policies
        self._labels = RuleLabels(connection)
        self._all = {row.id: row for row in gathering}
        self._by_matchers = [(row, compiled_matchers(row.matchers)) for row in gathering
                             if row.matchers]  # fmt: skip
        self._joins: dict[str, list[_Alert]] = defaultdict(list)
        self._wanted: dict[str, _Wanted] = {}

    def of(self, ids: Sequence[str]) -> list[OutEvent]:
        for piece in chunks(ids):
            rows = self._connection.execute(_ALERTS, {"ids": list(piece)}).all()
            mine, refused = self._known(piece)
            for row in rows:
                self._take(row, mine.get(row.id, []), refused)
        events: list[OutEvent] = []
        for incident_id in sorted(self._joins):
            events += self._join(incident_id, self._joins[incident_id])
        for key in sorted(self._wanted):
            events += self._gather_by_policy(key, self._wanted[key])
        return events

    def _known(self, ids: Sequence[str]) -> tuple[dict[str, list[str]], set[tuple[str, str]]]:
        """Return the gathering incidents that alerts are in, and those they were taken out of."""
        mine: dict[str, list[str]] = {}
        refused: set[tuple[str, str]] = set()
        if not self._all:
            return mine, refused
        for row in self._connection.execute(_MEMBERS, {"ids": list(ids)}):
            if row.incident_id in self._all:
                if row.removed_at is None:
                    mine.setdefault(row.alert_id, []).append(row.incident_id)
                else:
                    refused.add((row.incident_id, row.alert_id))
        return mine, refused

    def _take(self, row: Row[Any], mine: list[str], refused: set[tuple[str, str]]) -> None:
        alert: _Alert | None = None
        for incident_id in mine:  # it fires again, or is more severe
            alert = alert or self._alert(row)
            self._joins[incident_id].append(alert)
        if mine:
            return
        for incident, conditions in self._by_matchers:
            if incident.tenant != row.tenant or (incident.id, row.id) in refused:
                continue
            alert = alert or self._alert(row)
            if matches(conditions, alert.labels):
                self._joins[incident.id].append(alert)
                mine = [incident.id]
        policies = self._policies
        if mine or policies is None or row.severity < policies.least:
            return
        alert = alert or self._alert(row)
        policy = policies.first(row.tenant, row.severity, alert.labels)
        if policy is None:
            return
        key, labels = gather_key(row.tenant, policy, alert.labels)
        if any(one == row.id and self._all[of].gather_key == key for of, one in refused):
            return
        wanted = self._wanted.setdefault(key, _Wanted(policy, row.tenant, labels, []))
        wanted.alerts.append(alert)

    def _alert(self, row: Row[Any]) -> _Alert:
        labels = self._labels.of(row)
        return _Alert(row.id, row.title or row.rule, row.severity, labels, labels.get("team", ""))

    def _join(self, incident_id: str, alerts: Sequence[_Alert]) -> list[OutEvent]:
        row = self._connection.execute(_LOCKED, {"id": incident_id}).first()
        if row is None:
            return []
        before = incident_of(row)
        after = recurred(before, self._now)
        if after.is_open and not before.is_open and row.gather_key:
            # Somebody made it gather for longer, while a second one of its key is open.
            other = self._connection.execute(
                _LIVE_OF_KEY, {"key": row.gather_key, "id": row.id}
            ).scalar()
            if other is not None:
                return self._join(other, alerts)
        if not after.is_open:  # a person resolved it meanwhile, and it gathers no more
            return []
        worst = max(one.severity for one in alerts)
        if before.policy:
            after = worsened(after, worst)
        added = add_alerts(self._connection, before.id, [one.id for one in alerts], "", self._now)
        entries = _changes(before, after)
        if added:
            entries.append(_added(alerts, added))
        if not entries:
            return []
        after = msgspec.structs.replace(after, version=before.version + 1, updated_at=self._now)
        write_incident(self._connection, before, after)
        written = write_entries(self._connection, after, entries, "")
        if before.is_open:
            return []
        audited(self._store, self._connection, "incident.status", "", before, after)
        self._announce(after, written[0], "It reopened, since an alert fires again.")
        return [incident_event("reopened", after)]

    def _gather_by_policy(self, key: str, wanted: _Wanted) -> list[OutEvent]:
        found = self._connection.execute(_OF_KEY, {"key": key, "now": self._now}).first()
        if found is not None:
            return self._join(found.id, wanted.alerts)
        incident = self._opened(wanted)
        if not insert_incident(self._store, self._connection, incident, key):
            # Another transaction opened it between the two statements.
            found = self._connection.execute(_OF_KEY, {"key": key, "now": self._now}).first()
            return [] if found is None else self._join(found.id, wanted.alerts)
        ids = [one.id for one in wanted.alerts]
        added = add_alerts(self._connection, incident.id, ids, "", self._now)
        opened = NewEntry(
            kind="opened", data={"policy": incident.policy, "severity": incident.severity}
        )
        written = write_entries(
            self._connection, incident, [opened, _added(wanted.alerts, added)], ""
        )
        audited(self._store, self._connection, "incident.opened", "", None, incident)
        self._announce(incident, written[0], "")
        return [incident_event("opened", incident)]

    def _opened(self, wanted: _Wanted) -> Incident:
        policy, first = wanted.policy, wanted.alerts[0]
        title = render(policy.title, {**first.labels, **wanted.labels, "title": first.title})
        title = title if title.strip() else first.title  # all of its labels are empty
        incident = Incident(
            id=new_id(), tenant=wanted.tenant, team=policy.team or first.team,
            title=title[:_LONGEST_TITLE], service=first.labels.get("service", "")[:300],
            severity=max(one.severity for one in wanted.alerts), policy=policy.name,
            labels=wanted.labels, gather_for=policy.gather_for, runbook=policy.runbook,
            receivers=list(policy.receivers), opened_at=self._now, updated_at=self._now,
            status=Status.INVESTIGATING,
        )  # fmt: skip
        war_room = war_room_at(self._store, incident, policy.war_room)
        return msgspec.structs.replace(incident, war_room=war_room)

    def _announce(self, incident: Incident, says: str, text: str) -> None:
        """Notify the incident's receivers; one that was removed meanwhile is left out."""
        known = self._store.receivers.all_in(self._connection) if incident.receivers else {}
        there = [one for one in incident.receivers if one in known]
        announce(self._store, self._connection, incident, there, says, text, "")


def add_alerts(
    connection: Connection, incident_id: str, ids: Sequence[str], actor: str, now: datetime
) -> int:
    """Add alerts to an incident; those that it has stay as they are.

    Args:
        connection: an open transaction, in which the incident is locked
        incident_id: of the incident
        ids: of the alerts
        actor: who adds them; empty where a rule does
        now: the present moment

    Returns:
        How many were added.
    """
    there: set[str] = set()
    for piece in chunks(ids):
        query = {"incident": incident_id, "ids": list(piece)}
        there.update(connection.execute(_THERE, query).scalars())
    new = [(incident_id, one) for one in dict.fromkeys(ids) if one not in there]
    insert_new(
        connection, "incident_alert", ("incident_id", "alert_id"), new,
        same={"added_at": now, "added_by": actor, "removed_by": ""},
    )  # fmt: skip
    return len(new)


def _added(alerts: Sequence[_Alert], count: int) -> NewEntry:
    return NewEntry(kind="alerts_added", data=alerts_data([one.id for one in alerts], count))


def alerts_data(ids: Sequence[str], count: int) -> dict[str, Any]:
    """Return what an entry keeps of alerts; their titles are read by whoever may see them.

    Args:
        ids: of the alerts
        count: how many were added or taken out

    Returns:
        How many there are, and the first of them.
    """
    return {"count": count, "alerts": list(dict.fromkeys(ids))[: min(count, MOST_TITLES)]}


def _changes(before: Incident, after: Incident) -> list[NewEntry]:
    entries: list[NewEntry] = []
    if before.status is not after.status:
        data = {"before": str(before.status), "after": str(after.status)}
        entries.append(NewEntry(kind="status", data=data, comment="an alert fires again"))
    if before.severity != after.severity:
        data = {"before": before.severity, "after": after.severity}
        entries.append(NewEntry(kind="severity", data=data))
    return entries


# Built once, since SQLAlchemy compiles a statement once for each object.
_NOW = bindparam("now", type_=Moment())
_GATHERS = or_(INCIDENT.c.status != "resolved", INCIDENT.c.gathers_until > _NOW)
_GATHERING = select(
    INCIDENT.c.id, INCIDENT.c.tenant, INCIDENT.c.matchers, INCIDENT.c.gather_key
).where(_GATHERS)
_ALERTS = select(ALERT.c.id, ALERT.c.title, ALERT.c.severity, *COLUMNS).where(
    among(ALERT.c.id, "ids"), ALERT.c.status.in_(("open", "acknowledged"))
)
_MEMBERS = select(
    INCIDENT_ALERT.c.incident_id, INCIDENT_ALERT.c.alert_id, INCIDENT_ALERT.c.removed_at
).where(among(INCIDENT_ALERT.c.alert_id, "ids"))
_THERE = select(INCIDENT_ALERT.c.alert_id).where(
    INCIDENT_ALERT.c.incident_id == bindparam("incident"), among(INCIDENT_ALERT.c.alert_id, "ids")
)
_LOCKED = select(INCIDENT).where(INCIDENT.c.id == bindparam("id")).with_for_update()
_LIVE_OF_KEY = select(INCIDENT.c.id).where(
    INCIDENT.c.gather_key == bindparam("key"), INCIDENT.c.id != bindparam("id"),
    INCIDENT.c.status != "resolved",
)  # fmt: skip
_OF_KEY = (
    select(INCIDENT.c.id)
    .where(INCIDENT.c.gather_key == bindparam("key"), _GATHERS)
    .order_by(INCIDENT.c.id.desc())
    .limit(1)
)
