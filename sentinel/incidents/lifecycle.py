"""The lifecycle of an incident: what a change of its status, roles or alerts makes of it. Pure.

Any open status follows any other, since what was taken for found may not be. Resolved is left by
reopening, which begins at `investigating` unless another status is asked for.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from sentinel.errors import Conflict
from sentinel.incidents.state import Incident, Status

__all__ = ["assigned", "moved", "recurred", "taken", "worsened"]


def taken(incident: Incident, actor: str, now: datetime) -> Incident:
    """Return an incident that a person has taken; only the first time counts.

    Args:
        incident: before
        actor: who took it; empty where no person did, which takes nothing
        now: the present moment

    Returns:
        The incident.
    """
    if incident.acknowledged_at is not None or not actor:
        return incident
    return msgspec.structs.replace(incident, acknowledged_at=now, acknowledged_by=actor)


def moved(incident: Incident, to: Status, actor: str, now: datetime) -> Incident:
    """Return an incident with another status.

    Args:
        incident: before
        to: the status
        actor: who changes it; empty for Sentinel
        now: the present moment

    Returns:
        The incident: resolved, reopened, or still open.

    Raises:
        Conflict: it has this status already
    """
    if incident.status is to:
        raise Conflict(
            f"the incident is {to} already", hint="Add an update instead, if there is news."
        )
    change = taken(incident, actor, now)
    if to is Status.RESOLVED:
        return msgspec.structs.replace(change, status=to, resolved_at=now, resolved_by=actor)
    if not incident.is_open:
        return msgspec.structs.replace(
            change, status=to, resolved_at=None, resolved_by="", reopened=incident.reopened + 1
        )
    return msgspec.structs.replace(change, status=to)


def recurred(incident: Incident, now: datetime) -> Incident:
    """Return an incident of which an alert fires: one that was resolved a moment ago reopens.

    Args:
        incident: before
        now: the present moment

    Returns:
        The incident, the same where it is open, or resolved too long ago.
    """
    until = incident.gathers_until
    if until is None or until <= now:
        return incident
    return moved(incident, Status.INVESTIGATING, "", now)


def worsened(incident: Incident, severity: int) -> Incident:
    """Return an incident that gathered an alert of a severity; what a person set stays.

    Args:
        incident: before
        severity: of the alert, from 1 to 5

    Returns:
        The incident; one that a policy opened is as severe as the worst of its alerts was.
    """
    if incident.severity_by or severity <= incident.severity:
        return incident
    return msgspec.structs.replace(incident, severity=severity)


def assigned(incident: Incident, person: str, role: str, actor: str, now: datetime) -> Incident:
    """Return an incident that somebody works on, or has a role in.

    Args:
        incident: before
        person: who; empty takes the assignment back
        role: one of `ROLES`; empty for the assignee
        actor: who assigns
        now: the present moment

    Returns:
        The incident, taken by it where somebody is assigned.

    Raises:
        Conflict: it is so already
    """
    present = incident.roles.get(role, "") if role else incident.assignee
    if present == person:
        who = person or "nobody"
        raise Conflict(f"{who} is {role or 'assigned'} already", hint="Read the incident again.")
    if not role:
        change = msgspec.structs.replace(incident, assignee=person)
    else:
        roles = {**incident.roles, role: person}
        change = msgspec.structs.replace(
            incident, roles={name: one for name, one in sorted(roles.items()) if one}
        )
    return taken(change, actor if person else "", now)
