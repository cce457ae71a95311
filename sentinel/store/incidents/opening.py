"""Incidents that people open, by hand or from alerts, and the alerts that they add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, select

from sentinel.access import Scope
from sentinel.errors import ConfigurationError, Conflict, NotFound, OutOfScope
from sentinel.incidents.policy import compiled_matchers
from sentinel.incidents.room import room_app
from sentinel.incidents.runbook import steps_of
from sentinel.incidents.state import GATHERS_FOR, ROLES, Incident
from sentinel.labels.alertmanager import written
from sentinel.schema.columns import new_id
from sentinel.settings.incidents import checked_war_room
from sentinel.severity import Severity
from sentinel.store.database.alone import alone
from sentinel.store.database.chunks import chunks
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT
from sentinel.store.incidents.gathering import add_alerts, alerts_data
from sentinel.store.incidents.policies import active_policies
from sentinel.store.incidents.rows import INCIDENT, INCIDENT_ALERT, NewEntry, write_entries
from sentinel.store.incidents.writing import (
    announce,
    audited,
    incident_event,
    insert_incident,
    missing_receivers,
    war_room_at,
)
from sentinel.store.notifications.rule_labels import COLUMNS, RuleLabels

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_ALERTS", "NewIncident", "add_members", "open_incident", "read_alerts",
           "refuse_roles", "refuse_room", "refuse_war_room"]  # fmt: skip

MOST_ALERTS = 1000
"""Alerts of one request; a policy may gather more."""
_LONGEST_TITLE = 300


class NewIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident to open by hand, or from alerts.

    Attributes:
        title: empty for the title of the first alert
        severity: from 1 (info) to 5 (critical); None for the worst of the alerts, else medium
        team: empty for that of the first alert
        service: empty for the label `service` of the first alert
        alerts: ids of alerts that it begins with
        gather_by: labels of the first alert; further alerts with the same values join
        matchers: further alerts that match all of them join
        receivers: get its updates, the first of them now
        only_of_free_alerts: whether it is refused where an open incident has one of the alerts
    """

    title: str = ""
    description: str = ""
    service: str = ""
    tenant: str = "default"
    team: str = ""
    severity: int | None = None
    alerts: Sequence[str] = ()
    gather_by: Sequence[str] = ()
    matchers: Sequence[str] = ()
    gather_for: timedelta = GATHERS_FOR
    assignee: str = ""
    roles: Mapping[str, str] = {}
    runbook: str = ""
    war_room: str = ""
    receivers: Sequence[str] = ()
    only_of_free_alerts: bool = False


def open_incident(
    store: Store, scope: Scope, new: NewIncident, *, actor: str, incident_id: str = ""
) -> Incident:
    """Open an incident; see `Incidents.open`.

    Args:
        store: the shared database
        scope: of whoever opens it
        new: what it begins with
        actor: who opens it
        incident_id: 32 hex digits; a new id by default

    Returns:
        The incident.
    """
    compiled_matchers(list(new.matchers))
    steps_of(new.runbook)
    refuse_roles(new.roles)
    refuse_war_room(new.war_room)

    def work(connection: Connection) -> Incident:
        rows = read_alerts(connection, scope, new.tenant, new.alerts)
        if new.only_of_free_alerts:
            alone(connection)  # or two who open one of the same alerts at once would see none
            if (there := _open_of(connection, new.alerts)) is not None:
                raise Conflict(f"these alerts are in the open incident {there!r} already")
        made = _new(store, connection, new, rows, actor, incident_id or new_id())
        if not scope.holds(made.tenant, made.team):
            of_team = f", team {made.team}" if made.team else ""
            raise OutOfScope(
                f"the tenant {made.tenant}{of_team} is out of your reach",
                hint="Give the team that it is for.",
            )
        missing_receivers(store, connection, made.receivers)
        refuse_room(store, connection, made.war_room, made.tenant)
        insert_incident(store, connection, made)
        entries = [NewEntry(kind="opened", data={"severity": made.severity})]
        if rows:
            count = add_members(connection, made.id, rows, actor, made.opened_at)
            data = alerts_data([row.id for row in rows], count)
            entries.append(NewEntry(kind="alerts_added", data=data))
        ids = write_entries(connection, made, entries, actor)
        announce(store, connection, made, made.receivers, ids[0], made.description, actor)
        audited(store, connection, "incident.opened", actor, None, made)
        store.outbox.add(connection, [incident_event("opened", made)])
        store.changed(connection)
        return made

    return store.in_transaction(work)


def _open_of(connection: Connection, ids: Sequence[str]) -> str | None:
    """Return the title of an incident that is not resolved and has one of the alerts."""
    query = select(INCIDENT.c.title).join(
        INCIDENT_ALERT, INCIDENT_ALERT.c.incident_id == INCIDENT.c.id
    )
    for piece in chunks(ids):
        title = connection.execute(
            query.where(INCIDENT_ALERT.c.alert_id.in_(piece), INCIDENT_ALERT.c.removed_at.is_(None),
                        INCIDENT.c.status != "resolved").limit(1)
        ).scalar()  # fmt: skip
        if title is not None:
            return str(title)
    return None


def read_alerts(
    connection: Connection, scope: Scope, tenant: str, ids: Sequence[str]
) -> list[Row[Any]]:
    """Return the alerts that somebody named, in the order given.

    Args:
        connection: an open transaction
        scope: of whoever named them
        tenant: of the incident
        ids: at most `MOST_ALERTS`

    Returns:
        Rows with id, title, severity and what `RuleLabels` needs.

    Raises:
        NotFound: one does not exist, or is out of scope
        ConfigurationError: there are too many, or one is of another tenant
    """
    if len(ids) > MOST_ALERTS:
        raise ConfigurationError(f"{len(ids)} alerts; at most {MOST_ALERTS} in one request")
    found: dict[str, Row[Any]] = {}
    for piece in chunks([one for one in ids if "\0" not in one]):
        query = select(ALERT.c.id, ALERT.c.title, ALERT.c.severity, *COLUMNS)
        query = query.where(ALERT.c.id.in_(piece), *alert_in(scope))
        found |= {row.id: row for row in connection.execute(query)}
    for one in ids:
        if one not in found:
            raise NotFound(f"there is no alert {one[:40]!r}", hint="sentinel alert list shows all.")
        if found[one].tenant != tenant:
            raise ConfigurationError(
                f"the alert {one} is of the tenant {found[one].tenant}, the incident of {tenant}",
                hint="Open an incident in each tenant.",
            )
    return [found[one] for one in dict.fromkeys(ids)]


def add_members(
    connection: Connection, incident_id: str, rows: Sequence[Row[Any]], actor: str, now: datetime
) -> int:
    """Add alerts to an incident, also those that were taken out.

    Args:
        connection: an open transaction
        incident_id: of the incident
        rows: of `read_alerts`
        actor: who adds them
        now: the present moment

    Returns:
        How many were not in it.
    """
    ids = [str(row.id) for row in rows]
    back = 0
    for piece in chunks(ids):
        done = connection.execute(
            INCIDENT_ALERT.update()
            .where(INCIDENT_ALERT.c.incident_id == incident_id,
                   INCIDENT_ALERT.c.alert_id.in_(piece),
                   INCIDENT_ALERT.c.removed_at.is_not(None))
            .values(removed_at=None, removed_by="", added_at=now, added_by=actor)
        )  # fmt: skip
        back += done.rowcount
    return back + add_alerts(connection, incident_id, ids, actor, now)


def refuse_roles(roles: Mapping[str, str]) -> None:
    """Refuse roles that there are not.

    Args:
        roles: people by role

    Raises:
        ConfigurationError: there is no such role
    """
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise ConfigurationError(
            f"there is no role {unknown[0][:40]!r}", hint=f"Roles: {', '.join(ROLES)}."
        )


def refuse_war_room(address: str) -> None:
    """Refuse a war room that is no address of a web page, and no Slack app.

    Args:
        address: as a person gave it; empty for none

    Raises:
        ConfigurationError: so it is
    """
    try:
        checked_war_room(address)
    except ValueError as error:
        raise ConfigurationError(
            f"war_room: {error}", hint="Give the address of a page, or nothing."
        ) from None


def refuse_room(store: Store, connection: Connection, war_room: str, tenant: str) -> None:
    """Refuse a Slack app that neither the settings nor a policy of the tenant name.

    Args:
        store: whose options have the template of the instance
        connection: an open transaction
        war_room: as a person gave it
        tenant: of the incident

    Raises:
        ConfigurationError: nobody who configures Sentinel has named this app
    """
    app = room_app(war_room)
    if not app or war_room == store.options.war_room_url:
        return
    policies = active_policies(connection)
    named = [] if policies is None else policies.document.policies
    if any(one.war_room == war_room and one.tenant in (None, tenant) for one in named):
        return
    raise ConfigurationError(
        f"war_room: the Slack app {app!r} makes no war rooms here",
        hint="Name it in SENTINEL_WAR_ROOM_URL or in an incident policy, or give an address.",
    )


def _new(
    store: Store, connection: Connection, new: NewIncident, rows: Sequence[Row[Any]], actor: str,
    incident_id: str,
) -> Incident:  # fmt: skip
    labels = RuleLabels(connection).of(rows[0]) if rows else {}
    title = new.title or (rows[0].title or rows[0].rule if rows else "")
    if not title:
        raise ConfigurationError("title: it is missing", hint="Give a title, or an alert.")
    if new.gather_by and not rows:
        raise ConfigurationError("gather_by: needs an alert whose labels it takes")
    worst = max((row.severity for row in rows), default=int(Severity.MEDIUM))
    by_alert = [written([(name, "=", labels.get(name, ""))]) for name in new.gather_by]
    now = store.now()
    made = Incident(
        id=incident_id, tenant=new.tenant, team=new.team or labels.get("team", ""),
        title=title[:_LONGEST_TITLE], description=new.description,
        service=new.service or labels.get("service", "")[:300], severity=new.severity or worst,
        severity_by=actor, matchers=[*new.matchers, *by_alert], gather_for=new.gather_for,
        assignee=new.assignee, roles={name: one for name, one in new.roles.items() if one},
        runbook=new.runbook, war_room=new.war_room, receivers=list(new.receivers), opened_at=now,
        opened_by=actor, acknowledged_at=now, acknowledged_by=actor, updated_at=now,
    )  # fmt: skip
    return msgspec.structs.replace(made, war_room=made.war_room or war_room_at(store, made))
