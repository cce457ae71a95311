"""What one transaction writes about one incident: its row, entries, audit, event and messages.

`announce` and `record` are shared by what people change and by what policies gather.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, select

from sentinel.audit.change import Change, differing
from sentinel.errors import ConfigurationError, Conflict
from sentinel.incidents.policy import war_room_of
from sentinel.incidents.room import room_app
from sentinel.incidents.runbook import steps_of
from sentinel.incidents.state import Incident, sev_of
from sentinel.notifications.notice import NewNotice
from sentinel.notifications.reasons import Reason
from sentinel.prefect_client.port import OutEvent
from sentinel.severity import Severity
from sentinel.store.database.insert import insert_into
from sentinel.store.incidents.rows import (
    INCIDENT,
    STEP,
    step_rows,
    values_of,
)
from sentinel.store.notifications.notices import add_notices

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "address_of",
    "announce",
    "audited",
    "incident_event",
    "insert_incident",
    "missing_receivers",
    "war_room_at",
    "write_incident",
]

_NAMESPACE = UUID("6f1d3c5e-0b57-5a5e-9f0e-2f6f2a6f5e12")
_AUDITED = (
    "title", "description", "service", "team", "status", "severity", "matchers", "gather_for",
    "assignee", "roles", "root_cause", "runbook", "war_room", "receivers",
)  # fmt: skip


def insert_incident(
    store: Store, connection: Connection, incident: Incident, gather_key: str = ""
) -> bool:
    """Insert an incident with the steps of its runbook.

    Args:
        store: the shared database
        connection: the caller's open transaction
        incident: to insert
        gather_key: of its policy; empty for none

    Returns:
        Whether it was inserted; not where another one of this key is open.
    """
    insert = (
        insert_into(store.dialect, INCIDENT)
        .values(gather_key=gather_key, **values_of(incident))
        .on_conflict_do_nothing()
        .returning(INCIDENT.c.id)
    )
    if connection.execute(insert).first() is None:
        return False
    if rows := step_rows(incident.id, steps_of(incident.runbook)):
        connection.execute(STEP.insert(), rows)
    return True


def write_incident(connection: Connection, before: Incident, after: Incident) -> None:
    """Write an incident over the version that it was made from.

    Args:
        connection: the caller's open transaction
        before: as it was read
        after: of the next version

    Raises:
        Conflict: somebody changed it meanwhile, or another one that is open gathers its alerts
    """
    if after.is_open and not before.is_open:
        _refuse_second(connection, before)
    done = connection.execute(
        INCIDENT.update()
        .where(INCIDENT.c.id == before.id, INCIDENT.c.version == before.version)
        .values(values_of(after))
    )
    if not done.rowcount:
        raise Conflict("somebody changed the incident meanwhile", hint="Read it again.")


def _refuse_second(connection: Connection, incident: Incident) -> None:
    key = select(INCIDENT.c.gather_key).where(INCIDENT.c.id == incident.id).scalar_subquery()
    query = select(INCIDENT.c.id).where(
        INCIDENT.c.gather_key == key, INCIDENT.c.gather_key != "", INCIDENT.c.id != incident.id,
        INCIDENT.c.status != "resolved",
    )  # fmt: skip
    other = connection.execute(query).scalar()
    if other is not None:
        raise Conflict(
            f"the incident {other} gathers the same alerts by now",
            hint="Work on that one, or resolve it first.",
        )


def audited(
    store: Store, connection: Connection, action: str, actor: str, before: Incident | None,
    after: Incident, note: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Write the audit row of a change.

    Args:
        store: the shared database
        connection: the transaction of the change
        action: its code
        actor: who made it; empty for Sentinel
        before: None where the incident did not exist
        after: the incident
        note: further fields after the change, such as which step was run
    """
    was, now = differing({} if before is None else _fields(before), _fields(after))
    people = {after.assignee, *after.roles.values(), *([] if before is None else [
        before.assignee, *before.roles.values()])}  # fmt: skip
    change = Change(
        action=action, object_kind="incident", object_id=after.id, object_name=after.title[:200],
        tenant=after.tenant, before=None if before is None else was, after={**now, **(note or {})},
        people=tuple(sorted(one for one in people if one)),
    )  # fmt: skip
    store.audit.add(connection, change, actor=actor)


def _fields(incident: Incident) -> dict[str, Any]:
    given = {name: getattr(incident, name) for name in _AUDITED}
    given["gather_for"] = incident.gather_for.total_seconds()
    return {**given, "severity": Severity(incident.severity).word, "status": str(incident.status)}


def incident_event(what: str, incident: Incident) -> OutEvent:
    """Return the event that says what became of an incident, for users' own Automations.

    Args:
        what: opened, updated, reopened or resolved
        incident: afterwards

    Returns:
        An event whose id is the same for each attempt to send it.
    """
    name = f"sentinel.incident.{what}"
    facts = {
        "tenant": incident.tenant, "team": incident.team, "service": incident.service,
        "severity": Severity(incident.severity).word, "policy": incident.policy,
    }  # fmt: skip
    return OutEvent(
        id=str(uuid5(_NAMESPACE, f"{name} {incident.id} {incident.version}")),
        occurred=incident.updated_at, event=name,
        resource={
            "prefect.resource.id": f"sentinel.incident.{incident.id}",
            "prefect.resource.name": incident.title[:200],
            **{f"sentinel.{field}": text for field, text in facts.items()},
        },
        payload={"status": str(incident.status), "version": incident.version,
                 "assignee": incident.assignee},
    )  # fmt: skip


def address_of(store: Store, incident_id: str) -> str:
    """Return the address of an incident's page in the dashboard."""
    return f"{store.options.dashboard_url}/incidents?incident={incident_id}"


def war_room_at(store: Store, incident: Incident, template: str = "") -> str:
    """Return the address of an incident's war room.

    Args:
        store: whose options have the template of the instance
        incident: that people meet about
        template: of its policy; empty for that of the instance

    Returns:
        The address; empty where there is no template.
    """
    return war_room_of(
        template or store.options.war_room_url, incident_id=incident.id, title=incident.title,
        severity=sev_of(incident.severity), service=incident.service, team=incident.team,
        tenant=incident.tenant,
    )  # fmt: skip


def announce(
    store: Store, connection: Connection, incident: Incident, receivers: Sequence[str], says: str,
    text: str, actor: str,
) -> None:  # fmt: skip
    """Send an update to receivers, one message to each of their channels.

    Args:
        store: the shared database
        connection: the transaction that writes the update
        incident: afterwards
        receivers: names, which exist
        says: id of the entry that is the update
        text: of the update
        actor: who wrote it; empty for Sentinel
    """
    title = f"[{sev_of(incident.severity)} {incident.status}] {incident.title}"
    lines = [text] if text else []
    lines.append(f"Status: {incident.status}. Severity: {sev_of(incident.severity)}.")
    commander = incident.roles.get("commander")
    lines += [f"Commander: {commander}."] if commander else []
    there = incident.war_room and not room_app(incident.war_room)
    lines += [f"War room: {incident.war_room}"] if there else []
    lines += [f"By {actor}."] if actor else []
    new = [
        NewNotice(
            kind=Reason.INCIDENT, about=incident.id, says=says, receiver=one, title=title[:500],
            text="\n".join(lines), url=address_of(store, incident.id),
        )
        for one in dict.fromkeys(receivers)
    ]  # fmt: skip
    if new:
        add_notices(store, connection, new, incident.updated_at)


def missing_receivers(store: Store, connection: Connection, named: Sequence[str]) -> None:
    """Refuse receivers that there are not.

    Args:
        store: the shared database
        connection: an open transaction
        named: their names

    Raises:
        ConfigurationError: one is missing
    """
    known = store.receivers.all_in(connection) if named else {}
    missing = sorted(set(named) - set(known))
    if missing:
        raise ConfigurationError(
            f"there is no receiver {', '.join(missing)}",
            hint=f"Make it first: sentinel receiver set {missing[0]} --channel …",
        )
