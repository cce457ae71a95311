"""Incidents, as somebody may see and change them.

`Incidents(store, scope)` reads and changes; the timeline, runbook steps, action items and the
post-mortem have files of their own beside this one. Every change returns the incident as it is
afterwards, and takes `check`, which is given the incident before and may refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from sentinel.errors import ConfigurationError, NotFound, OutOfScope
from sentinel.incidents.lifecycle import assigned, moved, taken
from sentinel.incidents.policy import compiled_matchers
from sentinel.incidents.runbook import steps_of
from sentinel.incidents.state import Incident, Status
from sentinel.store.incidents.changing import Changed, Check, change
from sentinel.store.incidents.gathering import alerts_data
from sentinel.store.incidents.listing import IncidentLists
from sentinel.store.incidents.opening import (
    NewIncident,
    add_members,
    open_incident,
    read_alerts,
    refuse_roles,
    refuse_room,
    refuse_war_room,
)
from sentinel.store.incidents.rows import INCIDENT_ALERT, NewEntry
from sentinel.store.incidents.steps import replace_steps
from sentinel.store.incidents.writing import missing_receivers

__all__ = ["EDITABLE", "Incidents"]

EDITABLE = (
    "title", "description", "service", "team", "severity", "matchers", "gather_for", "runbook",
    "war_room", "receivers",
)  # fmt: skip
"""What `Incidents.edit` changes; the rest has methods of its own."""


class Incidents(IncidentLists):
    """The incidents of the shared database, to read and change; arguments as of `IncidentLists`."""

    def open(self, new: NewIncident, *, actor: str, incident_id: str = "") -> Incident:
        """Open an incident by hand, or from alerts.

        Args:
            new: what it begins with
            actor: who opens it, and has taken it by that
            incident_id: 32 hex digits; a new id by default

        Returns:
            The incident.

        Raises:
            NotFound: an alert does not exist, or is out of scope
            OutOfScope: the tenant or team is
            ConfigurationError: it has no title, or a matcher, step, role, war room or receiver that
                cannot be
        """
        return open_incident(self._store, self._scope, new, actor=actor, incident_id=incident_id)

    def set_status(
        self, incident_id: str, status: Status, *, actor: str, comment: str = "",
        check: Check | None = None,
    ) -> Incident:  # fmt: skip
        """Change the status, and notify the incident's receivers.

        Args:
            incident_id: of the incident
            status: the new one
            actor: who changes it
            comment: why, also for the receivers
            check: may refuse

        Returns:
            The incident.

        Raises:
            NotFound: there is none
            Conflict: it has this status already
        """

        def work(_: Connection, before: Incident) -> Changed:
            after = moved(before, status, actor, self._store.now())
            data = {"before": str(before.status), "after": str(status)}
            return Changed(
                incident=after, action="incident.status", receivers=before.receivers, says=comment,
                entries=[NewEntry(kind="status", data=data, comment=comment)],
            )  # fmt: skip

        return change(self._store, self._scope, incident_id, actor, work, check)

    def update(
        self, incident_id: str, text: str, *, actor: str, receivers: Sequence[str] | None = None,
        public: bool = False, public_title: str = "", check: Check | None = None,
    ) -> Incident:  # fmt: skip
        """Post an update: an entry of the timeline, and one message to each receiver.

        Args:
            incident_id: of the incident
            text: what is new
            actor: who writes it
            receivers: names; None for those of the incident, empty for nobody
            public: whether status pages show it, and the incident by that
            public_title: what status pages call the incident from now on; empty for as before
            check: may refuse

        Returns:
            The incident.

        Raises:
            NotFound: there is none
            ConfigurationError: there is no such receiver, or no text
        """
        if not text.strip():
            raise ConfigurationError("the update has no text", hint="Say what is new.")
        if public_title and not public:
            raise ConfigurationError(
                "public_title: the update is not public", hint="Mark it as public, or leave it out."
            )
        shown = {"public": True, "title": public_title} if public else {}

        def work(_: Connection, before: Incident) -> Changed:
            to = list(before.receivers if receivers is None else receivers)
            entry = NewEntry(kind="update", comment=text, data={"receivers": to, **shown})
            return Changed(
                incident=before, action="incident.updated", entries=[entry], receivers=to,
                says=text, note={"text": text, "receivers": to, **shown},
            )  # fmt: skip

        return change(self._store, self._scope, incident_id, actor, work, check)

    def assign(
        self, incident_id: str, person: str, *, actor: str, role: str = "",
        check: Check | None = None,
    ) -> Incident:  # fmt: skip
        """Assign a person, or give them a role.

        Args:
            incident_id: of the incident
            person: their name; empty takes it back
            actor: who assigns
            role: one of `ROLES`; empty for the assignee
            check: may refuse

        Returns:
            The incident.

        Raises:
            NotFound: there is none
            Conflict: it is so already
            ConfigurationError: there is no such role
        """
        refuse_roles({role: person} if role else {})

        def work(_: Connection, before: Incident) -> Changed:
            after = assigned(before, person, role, actor, self._store.now())
            entry = NewEntry(kind="assigned", data={"person": person, "role": role})
            return Changed(incident=after, action="incident.assigned", entries=[entry])

        return change(self._store, self._scope, incident_id, actor, work, check)

    def set_root_cause(
        self, incident_id: str, text: str, *, actor: str, check: Check | None = None
    ) -> Incident:
        """Write down the root cause; arguments as of `update`, and an empty text takes it back."""

        def work(_: Connection, before: Incident) -> Changed:
            after = msgspec.structs.replace(
                taken(before, actor, self._store.now()), root_cause=text
            )
            entries = [NewEntry(kind="root_cause", comment=text)]
            return Changed(
                incident=after, action="incident.root_cause",
                entries=entries if text != before.root_cause else [],
            )  # fmt: skip

        return change(self._store, self._scope, incident_id, actor, work, check)

    def edit(
        self, incident_id: str, fields: Mapping[str, Any], *, actor: str,
        check: Check | None = None,
    ) -> Incident:  # fmt: skip
        """Change fields of an incident.

        Args:
            incident_id: of the incident
            fields: of `EDITABLE`, by name; what is not named stays. Another runbook replaces the
                steps; those with the same title and deployment keep their state
            actor: who changes it
            check: may refuse

        Returns:
            The incident; where nothing differs, of the same version.

        Raises:
            NotFound: there is none
            OutOfScope: it would belong to a team out of scope
            ConfigurationError: a matcher, step, war room or receiver cannot be used
        """
        unknown = sorted(set(fields) - set(EDITABLE))
        if unknown:
            raise ConfigurationError(
                f"{unknown[0]} cannot be changed so", hint=f"Fields: {', '.join(EDITABLE)}."
            )
        compiled_matchers(list(fields.get("matchers") or ()))
        steps = steps_of(fields["runbook"]) if "runbook" in fields else None
        refuse_war_room(str(fields.get("war_room") or ""))

        def work(connection: Connection, before: Incident) -> Changed:
            after = msgspec.structs.replace(before, **fields)
            if not self._scope.holds(after.tenant, after.team):
                raise OutOfScope(f"the team {after.team!r} is out of your reach")
            differ = [name for name in fields if getattr(after, name) != getattr(before, name)]
            missing_receivers(self._store, connection, after.receivers)
            if "war_room" in differ:
                refuse_room(self._store, connection, after.war_room, after.tenant)
            entries: list[NewEntry] = []
            if "severity" in differ:
                after = msgspec.structs.replace(after, severity_by=actor)
                data = {"before": before.severity, "after": after.severity}
                entries.append(NewEntry(kind="severity", data=data))
            if others := [name.replace("_", " ") for name in differ if name != "severity"]:
                entries.append(NewEntry(kind="edited", data={"fields": others}))
            if steps is not None and "runbook" in differ:
                replace_steps(connection, before.id, steps)
            return Changed(incident=after, action="incident.changed", entries=entries)

        return change(self._store, self._scope, incident_id, actor, work, check)

    def add_alerts(
        self, incident_id: str, ids: Sequence[str], *, actor: str, check: Check | None = None
    ) -> Incident:
        """Add alerts, also those that were taken out; those that it has stay.

        Args:
            incident_id: of the incident
            ids: of alerts in the incident's tenant, at most `MOST_ALERTS`
            actor: who adds them
            check: may refuse

        Returns:
            The incident.

        Raises:
            NotFound: there is no such incident or alert, or it is out of scope
            ConfigurationError: there are too many, or one is of another tenant
        """

        def work(connection: Connection, before: Incident) -> Changed:
            rows = read_alerts(connection, self._scope, before.tenant, ids)
            count = add_members(connection, before.id, rows, actor, self._store.now())
            data = alerts_data([row.id for row in rows], count)
            entry = NewEntry(kind="alerts_added", data=data)
            return Changed(
                incident=before, action="incident.alerts_added", entries=[entry] if count else [],
                note={"alerts": list(ids)},
            )  # fmt: skip

        return change(self._store, self._scope, incident_id, actor, work, check)

    def remove_alert(
        self, incident_id: str, alert_id: str, *, actor: str, check: Check | None = None
    ) -> Incident:
        """Take an alert out, which the incident does not gather again.

        Args:
            incident_id: of the incident
            alert_id: of the alert
            actor: who takes it out
            check: may refuse

        Returns:
            The incident.

        Raises:
            NotFound: there is no such incident, or the alert is not in it
        """

        def work(connection: Connection, before: Incident) -> Changed:
            rows = read_alerts(connection, self._scope, before.tenant, [alert_id])
            done = connection.execute(
                INCIDENT_ALERT.update()
                .where(INCIDENT_ALERT.c.incident_id == before.id,
                       INCIDENT_ALERT.c.alert_id == alert_id,
                       INCIDENT_ALERT.c.removed_at.is_(None))
                .values(removed_at=self._store.now(), removed_by=actor)
            )  # fmt: skip
            if not done.rowcount:
                raise NotFound(f"the alert {alert_id} is not in this incident")
            data = alerts_data([row.id for row in rows], 1)
            return Changed(
                incident=before, action="incident.alerts_removed",
                entries=[NewEntry(kind="alerts_removed", data=data)], note={"alert": alert_id},
            )  # fmt: skip

        return change(self._store, self._scope, incident_id, actor, work, check)
