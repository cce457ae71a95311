"""The unit of work: all that one transaction writes because alerts changed.

Applying an evaluation, an action, an expiry or a batch of events collects what changes in a
`UnitOfWork` and commits it once, in the order in which all writers lock (docs/adr/0003): alerts and
timeline, groups, outbox, wake, change number. What a transition means for an alert's row is decided
by the caller, who knows the reading or the action; what it means for everything else, here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection

from sentinel.alerts.events import ALERT_EVENTS, MOST_EVENTS, alert_event, batch_event
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState, Transition
from sentinel.checks.reading import Reading
from sentinel.notifications.grouping import Membership
from sentinel.prefect_client.port import OutEvent
from sentinel.schema.columns import new_id
from sentinel.severity import Severity
from sentinel.store.alerts.alert_rows import (
    ALERT_STATES,
    NEW_ALERT_COLUMNS,
    AlertTexts,
    kinds_of,
    searched,
)
from sentinel.store.database.bulk import cells_of, dumped, id_array, insert_many, update_many
from sentinel.store.database.tables import ALERT, SUPPRESSION
from sentinel.store.notifications.groups import Fired, GroupChanges
from sentinel.store.rules.remediation import request_remediations

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Origin", "UnitOfWork", "WriteBatch"]

_QUIET = frozenset((Reason.NO_DATA, Reason.EXPIRED))
"""Ends that are no recovery and that nobody chose: receivers are not notified of them."""
_OUTSIDE_GROUPS = frozenset((Reason.COMMENTED, Reason.ASSIGNED, Reason.KEPT_NOT_REPEATED))
"""Changes that no group counts."""
_WORDS = {int(severity): severity.word for severity in Severity}


class Origin(NamedTuple):
    """Whose an alert is, as its events say."""

    tenant: str
    rule: str
    category: str
    team: str


class UnitOfWork:
    """What one transaction changes about alerts: collected first, then committed once.

    Args:
        store: whose outbox, wakes and change number are written
        connection: an open writing transaction, whose rules are locked
        now: the present moment
        slot: the scheduled time that the changes stand for; `now` where there is none
        about: the flow run behind them, as related resources of their events

    Attributes:
        alerts: the rows of alerts and their timeline
        groups: what becomes of groups
        remediations: runs to start, as `remediation_row` gives them
        suppressions: by fingerprint, the row that replaces what there is; None to only delete it
        is_news: raise the change number although no alert changed
    """

    def __init__(
        self,
        store: Store,
        connection: Connection,
        now: datetime,
        *,
        slot: datetime | None = None,
        about: Sequence[dict[str, str]] = (),
    ) -> None:
        self.store = store
        self.connection = connection
        self.now = now
        self.alerts = WriteBatch()
        self.groups = GroupChanges(store, connection, about)
        self.remediations: list[dict[str, Any]] = []
        self.suppressions: dict[str, dict[str, Any] | None] = {}
        self.is_news = False
        self._slot = slot or now
        self._about = about
        self._events: list[OutEvent] = []
        self._counts: dict[tuple[str, str], Counter[str]] = {}
        self._changes = 0

    def record(
        self,
        become: Transition,
        state: AlertState,
        origin: Origin,
        title: str,
        *,
        joins: Membership | None = None,
        value: float | None = None,
        labels: Mapping[str, str] | None = None,
        actor: str = "",
        comment: str = "",
        flow_run_id: str | None = None,
    ) -> None:
        """Note a change that people see: its timeline entry, its group and its event.

        Args:
            become: the transition, which is visible
            state: the alert after it
            origin: whose it is
            title: the alert's; empty where it is not known
            joins: the group that the alert joins by it; None where it stays where it is
            value: of the reading, in the rule's unit
            labels: of the reading; None where a person or a clock made the change
            actor: who did it
            comment: what they wrote, or whom they assigned
            flow_run_id: of the run that saw it
        """
        reason = become.reason
        kind = ALERT_EVENTS[reason]
        self.alerts.timeline.append(
            (
                new_id(), state.id, self.now, kind, str(reason), actor, comment,
                state.status.value, state.severity, value, flow_run_id, state.version,
            )
        )  # fmt: skip
        groups = self.groups
        if joins is not None:
            # An opened alert's row is new, or it was pending, in no group yet.
            groups.fired.append(
                Fired(
                    state.id, title, state.severity, joins, reason is Reason.OPENED,
                    reason is Reason.REOPENED_MANUALLY,
                )
            )  # fmt: skip
        elif kind == "resolved":
            quiet = reason in _QUIET
            if not quiet or not groups.resolved:
                groups.resolution = state.resolution
            (groups.ended_quietly if quiet else groups.resolved).append(state.id)
        elif reason not in _OUTSIDE_GROUPS:
            groups.touched.append(state.id)
        self._changes += 1
        counts = self._counts.get(origin[:2])
        if counts is None:
            counts = self._counts[origin[:2]] = Counter()
        counts[kind] += 1
        if self._changes > MOST_EVENTS:
            return
        payload: dict[str, Any] = {"status": state.status.value}
        if labels is None:
            payload |= {"actor": actor, "comment": comment}
        else:
            payload |= {"value": value, "labels": dict(labels)}
        self._events.append(
            alert_event(
                reason, alert_id=state.id, version=state.version, at=self.now,
                title=title or origin.rule, payload=payload, about=self._about,
                labels={
                    "severity": _WORDS[state.severity], "rule": origin.rule,
                    "category": origin.category, "team": origin.team, "tenant": origin.tenant,
                },
            )
        )  # fmt: skip

    def commit(self) -> None:
        """Write all that was collected, the change number last, into the open transaction."""
        connection, now = self.connection, self.now
        if self.alerts:
            self.alerts.write(connection)
        if self.suppressions:
            self._write_suppressions()
        due = False
        if self._changes:
            events, due = self.groups.carry_out(now)
            self.store.outbox.add(connection, [*events, *self._alert_events()])
        if self.remediations:
            request_remediations(self.store, connection, self.remediations, now)
        if due:
            self.store.wakes.request(connection, now)
        if self.is_news or self.alerts:
            self.store.changed(connection)

    def _alert_events(self) -> list[OutEvent]:
        """One event a change; one a rule where there are more than `MOST_EVENTS`."""
        if self._changes <= MOST_EVENTS:
            return self._events
        slot = self._slot.isoformat()
        return [
            batch_event(rule, tenant, slot, self.now, counts, self._about)
            for (tenant, rule), counts in self._counts.items()
        ]

    def _write_suppressions(self) -> None:
        """Keep them by fingerprint, so that they survive resolve and refire."""
        subquery, parameter = id_array(self.connection, list(self.suppressions))
        self.connection.exec_driver_sql(
            f"DELETE FROM suppression WHERE fingerprint IN ({subquery})",  # noqa: S608 - no user text in it
            (parameter,),
        )
        rows = [row for row in self.suppressions.values() if row is not None]
        if rows:
            self.connection.execute(SUPPRESSION.insert(), rows)


class WriteBatch:
    """Rows of alerts and of their timeline; `write` carries them out, each kind at once.

    Where there are many, those that are there are written while more are collected: the database
    then works at the same time as Python instead of after it, in one transaction.

    Attributes:
        timeline: rows in the order of `_TIMELINE_COLUMNS`
    """

    def __init__(self) -> None:
        self._begun: Future[None] | None = None
        self._empty()

    def _empty(self) -> None:
        self._inserts: list[tuple[Any, ...]] = []
        self._states: list[tuple[Any, ...]] = []
        self._wordings: list[tuple[Any, ...]] = []
        self._facts: list[tuple[Any, ...]] = []
        self._still: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        self._resolved: dict[tuple[Any, ...], list[str]] = {}
        self._drops: list[str] = []
        self.timeline: list[tuple[Any, ...]] = []

    def __bool__(self) -> bool:
        return bool(
            self._begun is not None
            or self._inserts
            or self._states
            or self._still
            or self._resolved
            or self._drops
            or self.timeline
        )

    def insert(self, row: tuple[Any, ...]) -> None:
        """Add a new alert, as `NewAlerts.row` gives it."""
        self._inserts.append(row)

    def drop(self, alert_id: str) -> None:
        """Delete a pending alert that never opened."""
        self._drops.append(alert_id)

    def state(self, state: AlertState) -> None:
        """Update an alert to what the lifecycle made of it."""
        self._states.append(ALERT_STATES.cells(state))

    def wording(
        self,
        alert_id: str,
        reading: Reading,
        texts: AlertTexts,
        run: tuple[str | None, str | None, str | None],
    ) -> None:
        """Update the value and the texts of an alert, and the run that they come from.

        Args:
            alert_id: the alert's
            reading: that says something new about it
            texts: title, description and annotations
            run: id and name of the flow run, id of the deployment
        """
        title, description, annotations = texts
        self._wordings.append(
            (
                alert_id, reading.value, title, description, searched(title, description),
                dumped(annotations),
                dumped(reading.details or {}), *run,
            )
        )  # fmt: skip

    def facts(self, alert_id: str, reading: Reading, texts: AlertTexts) -> None:
        """Update the description, annotations and details of an alert that is still firing."""
        _, description, annotations = texts
        details = dumped(reading.details or {})
        self._facts.append((alert_id, description, dumped(annotations), details))

    def still(
        self,
        state: AlertState,
        value: float | None,
        title: str | None,
        words: str | None = None,
        *,
        again: bool,
    ) -> None:
        """Update an alert that is still firing, at the same severity.

        Args:
            state: after the evaluation
            value: of the reading, in the rule's unit
            title: None where it is the same as before
            words: what the full-text index has of it; None where only numbers changed, so that
                the index has nothing to learn
            again: whether that counts as one more occurrence
        """
        texts = () if title is None else (title,) if words is None else (title, words)
        key = (state.last_bad_at, state.seen_at, state.expires_at, again, len(texts))
        row = (state.id, value, *texts)
        self._still.setdefault(key, []).append(row)

    def resolved(self, state: AlertState) -> None:
        """Update an alert that was open or acknowledged and is resolved."""
        key = (state.resolved_at, state.resolution, state.resolved_by, state.seen_at)
        self._resolved.setdefault(key, []).append(state.id)

    @contextmanager
    def overlapped(self, connection: Connection) -> Generator[None]:
        """Write what is collected so far in another thread, for as long as the block lasts.

        The block must leave `connection` alone, which the other thread uses meanwhile. An error of
        that writing is raised at its end.

        Args:
            connection: the caller's open transaction
        """
        rows = copy(self)
        self._empty()
        with ThreadPoolExecutor(1, "sentinel-writes") as thread:
            self._begun = thread.submit(rows.write, connection)
            yield
        self._begun.result()

    def write(self, connection: Connection) -> None:
        """Execute it. Pending alerts that go make room first, since one live one may be.

        Args:
            connection: the caller's open transaction
        """
        if self._drops:
            subquery, parameter = id_array(connection, self._drops)
            connection.exec_driver_sql(
                f"DELETE FROM alert WHERE status = 'pending' AND id IN ({subquery})",  # noqa: S608 - no user text in it
                (parameter,),
            )
        if self._states:
            update_many(connection, "alert", ALERT_STATES.updated, self._states)
        # What all of them share is written once, in the statement, not once a row.
        for (last_bad_at, seen_at, expires_at, again, texts), rows in self._still.items():
            more = "bad_count=bad_count+1" + (",occurrences=occurrences+1" if again else "")
            same = {"last_bad_at": last_bad_at, "seen_at": seen_at, "expires_at": expires_at}
            columns = _STILL_COLUMNS[: 1 + texts]
            update_many(connection, "alert", columns, rows, add=more, same=same)
        for (resolved_at, resolution, resolved_by, seen_at), ids in self._resolved.items():
            values = {
                "status": "resolved", "resolved_at": resolved_at, "resolution": resolution,
                "resolved_by": resolved_by, "seen_at": seen_at, "expires_at": None,
            }  # fmt: skip
            _update_same(connection, ids, values, more=", version=version+1")
        if self._wordings:
            update_many(connection, "alert", _WORDING_COLUMNS, self._wordings, same=_NEW_RUN)
        if self._facts:
            update_many(connection, "alert", _FACT_COLUMNS, self._facts)
        if self._inserts:
            insert_many(connection, "alert", NEW_ALERT_COLUMNS, self._inserts)
        if self.timeline:
            insert_many(connection, "timeline", _TIMELINE_COLUMNS, self.timeline)


def _update_same(connection: Connection, ids: list[str], values: dict[str, Any], more: str) -> None:
    """Give the alerts `ids` the same values."""
    subquery, parameter = id_array(connection, ids)
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    sets = ",".join(f"{name}={mark}" for name in values)
    statement = f"UPDATE alert SET {sets}{more} WHERE id IN ({subquery})"  # noqa: S608 - names are ours
    cells = cells_of(connection, tuple(values.values()))
    connection.exec_driver_sql(statement, (*cells, parameter))


_TIMELINE_COLUMNS = (
    "id", "alert_id", "at", "kind", "reason", "actor", "comment", "status", "severity", "value",
    "flow_run_id", "version",
)  # fmt: skip
_WORDING_COLUMNS = kinds_of(
    ALERT, "value", "title", "description", "searched", "annotations", "details", "flow_run_id",
    "flow_run_name", "deployment_id",
)  # fmt: skip
_NEW_RUN = {"flow_run_state": None}  # until `run_states` has followed it to its end
_FACT_COLUMNS = kinds_of(ALERT, "description", "annotations", "details")
_STILL_COLUMNS = kinds_of(ALERT, "value", "title", "searched")
