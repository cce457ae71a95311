"""Who lets the runs of steps happen, and how many within an hour, as an incident's policy says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select, text

from sentinel.access import Permission
from sentinel.errors import Conflict, OutOfScope
from sentinel.incidents.policy import IncidentPolicy
from sentinel.incidents.state import Incident
from sentinel.rules.remediation import Approval
from sentinel.store.incidents.policies import active_policies
from sentinel.store.incidents.rows import ENTRY, INCIDENT, STEP

__all__ = ["StepDecider", "asked_for", "may_start", "policy_of", "refuse_decider"]

_HOUR = timedelta(hours=1)


class StepDecider(msgspec.Struct, frozen=True, kw_only=True):
    """Who approves or rejects the run of a step.

    Attributes:
        person: whose login it is; empty for a key or a token
        holds: whether they have a permission in a tenant, for a team
    """

    person: str
    holds: Callable[[Permission, str, str], bool]


def policy_of(connection: Connection, incident: Incident) -> IncidentPolicy | None:
    """Return the policy of an incident as it is now; None where it has none any more."""
    policies = active_policies(connection) if incident.policy else None
    some = policies.document.policies if policies is not None else []
    return next((one for one in some if one.name == incident.policy), None)


def asked_for(incident: Incident, policy: IncidentPolicy | None, now: datetime) -> dict[str, Any]:
    """Return the columns of a step whose run somebody asks for.

    Args:
        incident: whose step it is
        policy: of the incident, as it is now
        now: the present moment

    Returns:
        The columns: the run is wanted at once, or waits for an approval.

    Raises:
        Conflict: the policy of the incident was removed, so that nobody knows who has to approve
    """
    if incident.policy and policy is None:
        raise Conflict(
            f"the policy {incident.policy!r} of this incident was removed, and with it who has to "
            "approve its steps",
            hint="Apply a policy of that name again, or do the step by hand and mark it as done.",
        )
    if policy is None or policy.approval is None:
        return {"status": "wanted", "approval": {}, "expires_at": None}
    return {
        "status": "waits", "approval": policy.approval.model_dump(mode="json"),
        "expires_at": now + policy.approval.expires,
    }  # fmt: skip


def may_start(
    connection: Connection, incident: Incident, policy: IncidentPolicy | None, now: datetime
) -> None:
    """Refuse a further run of a step where the policy allows no more within an hour.

    Args:
        connection: the caller's open transaction, in which the incident is locked
        incident: whose step it is
        policy: of the incident
        now: the present moment

    Raises:
        Conflict: so it is; the hint says when the next one may start
    """
    if policy is None or policy.runs_per_hour is None:
        return
    if connection.dialect.name == "postgresql":  # two at once are counted one after the other
        key = f"steps {incident.tenant}/{policy.name}"
        lock = text("SELECT pg_advisory_xact_lock(hashtext(:key))")
        connection.execute(lock, {"key": key})
    of_policy = select(INCIDENT.c.id).where(
        INCIDENT.c.policy == policy.name, INCIDENT.c.tenant == incident.tenant
    )
    started = connection.execute(
        select(ENTRY.c.at).where(
            ENTRY.c.kind == "step_started", ENTRY.c.at > now - _HOUR,
            ENTRY.c.incident_id.in_(of_policy),
        ).order_by(ENTRY.c.at)
    ).scalars().all()  # fmt: skip
    wanted = connection.execute(
        select(func.count()).where(
            STEP.c.status == "wanted", STEP.c.incident_id.in_(of_policy)
        )
    ).scalar_one()  # fmt: skip
    if len(started) + wanted < policy.runs_per_hour:
        return
    when = f"The next may start at {started[0] + _HOUR:%H:%M:%S} UTC." if started else ""
    raise Conflict(
        f"the limit of {policy.runs_per_hour} runs an hour of the policy {policy.name} is reached",
        hint=when or "Wait until the runs that are asked for have started.",
    )


def refuse_decider(
    who: StepDecider | None, row: Row[Any], incident: Incident, now: datetime
) -> None:
    """Refuse whoever may not decide on the run of a step.

    Args:
        who: decides; None for somebody of whom nothing is known
        row: of the step
        incident: whose step it is
        now: the present moment

    Raises:
        Conflict: the step does not wait for an approval
        OutOfScope: the policy lets others decide
    """
    if row.status != "waits" or (row.expires_at is not None and row.expires_at <= now):
        raise Conflict(
            f"step {row.number} does not wait for an approval",
            hint="It was decided already, it expired, or nobody asked to run it.",
        )
    approval = Approval.model_validate(row.approval)
    if approval.people and (who is None or who.person not in approval.people):
        raise OutOfScope(
            "the policy lets only certain people decide on this step",
            hint=f"They are: {', '.join(approval.people)}.",
        )
    if who is None or not who.holds(approval.permission, incident.tenant, incident.team):
        raise OutOfScope(f"the role {approval.role} of the incident's team decides on it")
