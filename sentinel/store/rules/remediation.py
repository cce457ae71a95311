"""Remediations as rows: requested with the alert, started once, and followed to their end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, func, select

from sentinel.access import Permission, Scope
from sentinel.alerts.reasons import Reason
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound, OutOfScope
from sentinel.rules.remediation import Approval, approval_of
from sentinel.schema.columns import new_id
from sentinel.schema.remediation import RemediationRow
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT, REMEDIATION, TIMELINE, model_of
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "GIVE_UP_AFTER",
    "Decider",
    "PendingRemediation",
    "RemediationRun",
    "Remediations",
    "request_remediations",
]

_HOUR = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=1)
"""A run that could not be started for this long is not started any more, since it is too late."""


class Decider(msgspec.Struct, frozen=True, kw_only=True):
    """Who decides on a remediation.

    Attributes:
        name: as timelines and the audit trail have it
        person: whose login it is; empty for a key or a token
        scope: the alerts that they see
        holds: whether they have a permission in a tenant, for a team
    """

    name: str
    person: str
    scope: Scope
    holds: Callable[[Permission, str, str], bool]


class _Entry(NamedTuple):
    """What an entry of the timeline says."""

    reason: Reason
    comment: str
    run: str | None
    actor: str = ""


class PendingRemediation(msgspec.Struct, frozen=True, kw_only=True):
    """A remediation whose run is to be started."""

    alert_id: str
    rule: str
    deployment: str
    parameters: dict[str, Any]


class RemediationRun(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a remediation's run; `is_final` where it is the last one.

    `outcome` is what the run itself says of its end and changed: its message and artifacts, a line
    for each.
    """

    flow_run_id: str
    state: str
    state_name: str
    is_final: bool
    outcome: str = ""


def request_remediations(
    store: Store, connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Request remediations in the transaction that opens their alerts.

    Args:
        store: of the connection
        connection: the caller's open transaction
        rows: as `remediation_row` gives them
        now: the present moment
    """
    same = {
        "flow_run_name": "", "decided_by": "", "state": "", "state_name": "", "error": "",
        "outcome": "",
        "wanted_at": now, "updated_at": now,
    }  # fmt: skip
    for piece in chunks(rows):
        values = [{**row, **same, **_begins(row, now)} for row in piece]
        # An alert that reopens has had its remediation.
        connection.execute(
            insert_into(store.dialect, REMEDIATION).values(values).on_conflict_do_nothing()
        )


def _begins(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    approval = approval_of(row)
    if approval is None:
        return {"status": "wanted", "expires_at": None}
    return {"status": "waits", "expires_at": now + approval.expires}


class Remediations:
    """Remediations in the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, alert_id: str) -> RemediationRow | None:
        """Return the remediation of one alert, or None where its rule has none."""
        with self._store.read() as connection:
            row = connection.execute(
                select(REMEDIATION).where(REMEDIATION.c.alert_id == alert_id)
            ).first()
        return None if row is None else model_of(RemediationRow, row)

    def of_alerts(self, ids: Sequence[str]) -> list[RemediationRow]:
        """Return the remediations of some alerts, those that were requested first before others."""
        query = select(REMEDIATION).order_by(REMEDIATION.c.wanted_at, REMEDIATION.c.alert_id)
        found = list[RemediationRow]()
        with self._store.read() as connection:
            for piece in chunks(ids):
                rows = connection.execute(query.where(REMEDIATION.c.alert_id.in_(piece)))
                found += [model_of(RemediationRow, row) for row in rows]
        return found

    def to_start(self) -> list[PendingRemediation]:
        """Return the remediations whose run is to be started now, within the limits of each rule.

        Those that are too late are dropped: their alert was resolved, nobody approved them in time,
        or their run could not be started for `GIVE_UP_AFTER`.

        Returns:
            The remediations, oldest first.
        """
        now = self._store.now()
        with self._store.read() as connection:
            waiting = connection.execute(
                select(REMEDIATION, ALERT.c.status.label("alert_status"))
                .outerjoin(ALERT, ALERT.c.id == REMEDIATION.c.alert_id)
                .where(REMEDIATION.c.status.in_(("wanted", "waits")))
                .order_by(REMEDIATION.c.wanted_at, REMEDIATION.c.alert_id)
            ).all()
            if not waiting:
                return []
            running = Counter(
                connection.execute(
                    select(REMEDIATION.c.tenant + "/" + REMEDIATION.c.rule).where(
                        REMEDIATION.c.status == "started"
                    )
                ).scalars()
            )
            lately = self._started_since(connection, now - _HOUR) if _limited(waiting) else {}
        found: list[PendingRemediation] = []
        held: dict[str, list[str]] = {}
        for row in waiting:
            rule = f"{row.tenant}/{row.rule}"
            if row.alert_status not in ("open", "acknowledged"):
                self._drop(row, "its alert was resolved before it could be started")
            elif row.status == "waits":
                if row.expires_at is not None and row.expires_at <= now:
                    self._drop(row, "nobody approved it in time")
            elif row.wanted_at + GIVE_UP_AFTER <= now:
                why = f": {row.error}" if row.error else ""
                self._drop(row, f"it could not be started for an hour{why}")
            elif row.per_hour is not None and lately.get(rule, 0) >= row.per_hour:
                limit = f"the limit of {row.per_hour} an hour of its rule is reached"
                if row.error != limit:
                    held.setdefault(limit, []).append(row.alert_id)
            elif running[rule] < row.at_once:
                running[rule] += 1
                lately[rule] = lately.get(rule, 0) + 1
                found.append(
                    PendingRemediation(
                        alert_id=row.alert_id, rule=row.rule, deployment=row.deployment,
                        parameters=row.parameters,
                    )
                )  # fmt: skip
        for limit, ids in held.items():
            self._hold(ids, limit)
        return found

    def decide(
        self, alert_id: str, who: Decider, *, approve: bool, comment: str = ""
    ) -> RemediationRow:
        """Approve or reject a remediation that waits.

        Args:
            alert_id: of its alert
            who: decides; whoever may not is refused
            approve: whether it is to run
            comment: why, kept in the timeline

        Returns:
            The remediation as it is now; an approved one is started within a minute.

        Raises:
            NotFound: there is no such alert in scope, or it has no remediation
            OutOfScope: the rule lets others decide
            Conflict: it does not wait (any more)
            ConfigurationError: the comment has a NUL character
        """
        if "\0" in comment:
            raise ConfigurationError(
                "comment: has a NUL character, which no database keeps", hint="Leave it out."
            )

        def work(connection: Connection) -> None:
            mine = select(ALERT).where(ALERT.c.id == alert_id, *alert_in(who.scope))
            query = select(REMEDIATION).where(REMEDIATION.c.alert_id == alert_id)
            alert, row = connection.execute(mine).first(), connection.execute(query).first()
            if alert is not None and row is not None:
                lock_rules(connection, [(alert.tenant, alert.rule)])
                # Read again: it may have been resolved, or deleted, while this waited.
                alert = connection.execute(mine).first()
                row = connection.execute(query.with_for_update()).first()
            if alert is None or row is None:
                raise NotFound(f"the alert {alert_id[:40]!r} has no remediation that you see")
            now, live = self._store.now(), alert.status in ("open", "acknowledged")
            if row.status != "waits" or not live or (row.expires_at and row.expires_at <= now):
                raise Conflict(
                    "the remediation does not wait for an approval",
                    hint="It was decided already, it expired, or its alert was resolved.",
                )
            _refuse(who, row, alert.tenant, alert.team or "")
            reason = Reason.REMEDIATION_APPROVED if approve else Reason.REMEDIATION_REJECTED
            status = "wanted" if approve else "dropped"
            values: dict[str, Any] = {
                "status": status, "decided_by": who.name, "decided_at": now,
            }  # fmt: skip
            # Without a name, which an erasure of personal data replaces in `decided_by` alone.
            rejected = {"error": "it was rejected", "ended_at": now}
            values |= {"wanted_at": now} if approve else rejected
            entry = _Entry(reason, comment, None, who.name)
            self._write(connection, alert_id, alert, "waits", values, entry)
            change = Change(
                action=f"remediation.{'approved' if approve else 'rejected'}", object_kind="alert",
                object_id=alert_id, object_name=alert.title or alert.rule, tenant=alert.tenant,
                before={"remediation": "waits"},
                after={"remediation": status, "deployment": row.deployment}, note=comment,
            )  # fmt: skip
            self._store.audit.add(connection, change, actor=who.name)

        self._store.in_transaction(work)
        found = self.of(alert_id)
        if found is None:
            raise NotFound(f"the alert {alert_id[:40]!r} was deleted meanwhile")
        return found

    def started(self, alert_id: str, flow_run_id: str, name: str, state: str) -> bool:
        """Record that the run was created; return whether this was not recorded before."""
        values = {
            "status": "started", "flow_run_id": flow_run_id, "flow_run_name": name, "state": state,
            "state_name": state.capitalize(), "error": "", "started_at": self._store.now(),
        }  # fmt: skip
        return self._move(alert_id, "wanted", values, Reason.REMEDIATION_STARTED, name, flow_run_id)

    def not_started(self, alert_id: str, error: str) -> None:
        """Record that the run could not be created; it is retried until `GIVE_UP_AFTER` is over."""
        waiting = (REMEDIATION.c.alert_id == alert_id, REMEDIATION.c.status == "wanted")
        with self._store.write() as connection:
            done = connection.execute(
                REMEDIATION.update()
                .where(*waiting, REMEDIATION.c.error != error[:2000])
                .values(error=error[:2000], updated_at=self._store.now())
            )
            if done.rowcount:
                self._store.changed(connection)

    def _hold(self, ids: Sequence[str], why: str) -> None:
        """Record why some wait, in one transaction: a storm of alerts has thousands of them."""
        with self._store.write() as connection:
            for piece in chunks(ids):
                mine = (REMEDIATION.c.alert_id.in_(piece), REMEDIATION.c.status == "wanted")
                values = {"error": why, "updated_at": self._store.now()}
                connection.execute(REMEDIATION.update().where(*mine).values(values))
            self._store.changed(connection)

    def running(self) -> dict[str, str]:
        """Return the alert of every run that has not ended, by flow run id."""
        query = select(REMEDIATION.c.flow_run_id, REMEDIATION.c.alert_id).where(
            REMEDIATION.c.status == "started"
        )
        with self._store.read() as connection:
            return {str(run): str(alert) for run, alert in connection.execute(query)}

    def follow(self, alert_id: str, seen: RemediationRun) -> bool:
        """Record the state of a run; return whether it differs from the last one."""
        now = self._store.now()
        values: dict[str, Any] = {"state": seen.state, "state_name": seen.state_name}
        if not seen.is_final:
            with self._store.write() as connection:
                done = connection.execute(
                    REMEDIATION.update()
                    .where(
                        REMEDIATION.c.alert_id == alert_id,
                        REMEDIATION.c.status == "started",
                        REMEDIATION.c.state_name != seen.state_name,
                    )
                    .values(**values, updated_at=now)
                )
                if done.rowcount:
                    self._store.changed(connection)
            return bool(done.rowcount)
        values |= {"status": "ended", "ended_at": now, "outcome": seen.outcome}
        state = seen.state_name or seen.state.lower()
        state = f"{state}: {seen.outcome}" if seen.outcome else state
        ended = Reason.REMEDIATION_ENDED
        return self._move(alert_id, "started", values, ended, state, seen.flow_run_id)

    def _started_since(self, connection: Connection, since: datetime) -> dict[str, int]:
        """Return how many started since a moment, by tenant and rule."""
        rule = (REMEDIATION.c.tenant + "/" + REMEDIATION.c.rule).label("rule")
        query = select(rule, func.count()).where(REMEDIATION.c.started_at > since).group_by(rule)
        return {str(name): int(count) for name, count in connection.execute(query)}

    def _drop(self, row: Row[Any], why: str) -> None:
        values = {"status": "dropped", "error": why, "ended_at": self._store.now()}
        reason = Reason.REMEDIATION_NOT_STARTED
        self._move(row.alert_id, row.status, values, reason, why, None)

    def _move(
        self, alert_id: str, before: str, values: Mapping[str, Any], reason: Reason, comment: str,
        run: str | None,
    ) -> bool:  # fmt: skip
        """Change a remediation and add a line to the timeline; False where it changed already."""

        def work(connection: Connection) -> bool:
            query = select(ALERT).where(ALERT.c.id == alert_id)
            alert = connection.execute(query).first()
            if alert is not None:
                # The order in which all writers lock (docs/adr/0003).
                lock_rules(connection, [(alert.tenant, alert.rule)])
                alert = connection.execute(query).first()
            return self._write(connection, alert_id, alert, before, values, entry)

        entry = _Entry(reason, comment, run)
        return self._store.in_transaction(work)

    def _write(
        self, connection: Connection, alert_id: str, alert: Row[Any] | None, before: str,
        values: Mapping[str, Any], entry: _Entry,
    ) -> bool:  # fmt: skip
        now = self._store.now()
        done = connection.execute(
            REMEDIATION.update()
            .where(REMEDIATION.c.alert_id == alert_id, REMEDIATION.c.status == before)
            .values(**values, updated_at=now)
        )
        if not done.rowcount:
            return False
        if alert is not None:
            connection.execute(
                TIMELINE.insert().values(
                    id=new_id(), alert_id=alert_id, at=now, kind="remedy",
                    reason=str(entry.reason), actor=entry.actor, comment=entry.comment[:2000],
                    status=alert.status, severity=alert.severity, flow_run_id=entry.run,
                    version=alert.version,
                )
            )  # fmt: skip
        self._store.changed(connection)
        return True


def _limited(rows: Sequence[Row[Any]]) -> bool:
    return any(row.per_hour is not None for row in rows)


def _refuse(who: Decider, row: Row[Any], tenant: str, team: str) -> None:
    approval = Approval.model_validate(row.approval)
    if approval.people and who.person not in approval.people:
        raise OutOfScope(
            "the rule lets only certain people decide on this remediation",
            hint=f"They are: {', '.join(approval.people)}.",
        )
    if not who.holds(approval.permission, tenant, team):
        raise OutOfScope(f"the role {approval.role} of the alert's team decides on it")
