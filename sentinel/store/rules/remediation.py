"""Remediations as rows: requested with the alert, started once, and followed to their end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, select

from sentinel.alerts.reasons import Reason
from sentinel.schema.columns import new_id
from sentinel.schema.remediation import RemediationRow
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import ALERT, REMEDIATION, TIMELINE, model_of
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "GIVE_UP_AFTER",
    "PendingRemediation",
    "RemediationRun",
    "Remediations",
    "request_remediations",
]

GIVE_UP_AFTER = timedelta(hours=1)
"""A run that could not be started for this long is not started any more, since it is too late."""


class PendingRemediation(msgspec.Struct, frozen=True, kw_only=True):
    """A remediation whose run is to be started."""

    alert_id: str
    rule: str
    deployment: str
    parameters: dict[str, Any]


class RemediationRun(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a remediation's run; `is_final` where it is the last one."""

    flow_run_id: str
    state: str
    state_name: str
    is_final: bool


def request_remediations(
    store: Store, connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Request remediations in the transaction that opens their alerts.

    Args:
        store: of the connection
        connection: the caller's open transaction
        rows: alert_id, tenant, rule, deployment, parameters, at_once
        now: the present moment
    """
    same = {
        "status": "wanted", "flow_run_name": "", "state": "", "state_name": "", "error": "",
        "wanted_at": now, "updated_at": now,
    }  # fmt: skip
    for piece in chunks(rows):
        values = [{**row, **same} for row in piece]
        # An alert that reopens has had its remediation.
        connection.execute(
            insert_into(store.dialect, REMEDIATION).values(values).on_conflict_do_nothing()
        )


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

    def to_start(self) -> list[PendingRemediation]:
        """Return the remediations whose run is to be started now, within each rule's `at_once`.

        Those that are too late are dropped: their alert was resolved, or their run could not be
        started for `GIVE_UP_AFTER`.

        Returns:
            The remediations, oldest first.
        """
        now = self._store.now()
        with self._store.read() as connection:
            waiting = connection.execute(
                select(REMEDIATION, ALERT.c.status.label("alert_status"))
                .outerjoin(ALERT, ALERT.c.id == REMEDIATION.c.alert_id)
                .where(REMEDIATION.c.status == "wanted")
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
        found: list[PendingRemediation] = []
        for row in waiting:
            rule = f"{row.tenant}/{row.rule}"
            if row.alert_status not in ("open", "acknowledged"):
                self._drop(row.alert_id, "its alert was resolved before it could be started")
            elif row.wanted_at + GIVE_UP_AFTER <= now:
                why = f": {row.error}" if row.error else ""
                self._drop(row.alert_id, f"it could not be started for an hour{why}")
            elif running[rule] < row.at_once:
                running[rule] += 1
                found.append(
                    PendingRemediation(
                        alert_id=row.alert_id, rule=row.rule, deployment=row.deployment,
                        parameters=row.parameters,
                    )
                )  # fmt: skip
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
        values |= {"status": "ended", "ended_at": now}
        state = seen.state_name or seen.state.lower()
        ended = Reason.REMEDIATION_ENDED
        return self._move(alert_id, "started", values, ended, state, seen.flow_run_id)

    def _drop(self, alert_id: str, why: str) -> None:
        values = {"status": "dropped", "error": why, "ended_at": self._store.now()}
        self._move(alert_id, "wanted", values, Reason.REMEDIATION_NOT_STARTED, why, None)

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
                        reason=str(reason), actor="", comment=comment[:2000],
                        status=alert.status, severity=alert.severity, flow_run_id=run,
                        version=alert.version,
                    )
                )  # fmt: skip
            self._store.changed(connection)
            return True

        return self._store.in_transaction(work)
