"""The unit of work: all that one transaction writes because alerts changed.

Applying an evaluation, an action, an expiry or a batch of events collects what changes in a
`UnitOfWork` and commits it once, in the order in which all writers lock (docs/adr/0003): alerts and
timeline, groups, outbox, wake, change number. What a transition means for an alert's row is decided
by the caller, who knows the reading or the action; what it means for everything else, here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Row

from sentinel.alerts.events import ALERT_EVENTS, MOST_EVENTS, alert_event, batch_event
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState, Transition
from sentinel.notifications.grouping import Membership
from sentinel.notifications.routing import RouteTree
from sentinel.prefect_client.port import OutEvent
from sentinel.schema.columns import new_id
from sentinel.severity import Severity
from sentinel.store.alerts.write_batch import WriteBatch
from sentinel.store.database.bulk import id_array
from sentinel.store.database.lifecycle_numbers import note_changes
from sentinel.store.database.tables import SUPPRESSION
from sentinel.store.escalations.following import (
    follow_acknowledgements,
    follow_comments,
    follow_escalations,
    follow_groups,
)
from sentinel.store.incidents.gathering import gather
from sentinel.store.notifications.active_routes import active_tree
from sentinel.store.notifications.groups import Fired, GroupChanges
from sentinel.store.notifications.relabelled import look_again
from sentinel.store.rules.remediation import request_remediations

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Origin", "UnitOfWork"]

_QUIET = frozenset((Reason.NO_DATA, Reason.EXPIRED))
"""Ends that are no recovery and that nobody chose: only channels of vendors hear of them."""
_OUTSIDE_GROUPS = frozenset(
    (
        Reason.COMMENTED, Reason.ASSIGNED, Reason.KEPT_NOT_REPEATED, Reason.ESCALATED,
        Reason.ACKNOWLEDGED_TOO, Reason.MARKED_NOISE, Reason.UNMARKED_NOISE,
    )
)  # fmt: skip
"""Changes that no group counts."""
_SEVERITY = frozenset((Reason.SEVERITY_ROSE, Reason.SEVERITY_FELL))
"""Changes by which other inhibition rules may match."""
_GATHERED = frozenset(
    (
        Reason.OPENED, Reason.REOPENED_SOON, Reason.REOPENED_STILL_FIRING,
        Reason.REOPENED_MANUALLY, Reason.SEVERITY_ROSE, Reason.ACKNOWLEDGEMENT_VOID,
    )
)  # fmt: skip
"""Changes by which an alert may join an incident, or open one."""
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
        relabelled: rules, by tenant and name, whose alerts matchers may see otherwise than before
        rule_rows: where many rules are evaluated together, the row of each as it was and what is
            written to it; None where each is written at once
        blocks: readings to keep, as rows of `sample_block`
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
        self.relabelled: set[tuple[str, str]] = set()
        self.rule_rows: list[tuple[Row[Any], dict[str, Any]]] | None = None
        self.blocks: list[tuple[Any, ...]] = []
        self._slot = slot or now
        self._about = about
        self._events: list[OutEvent] = []
        self._group_events: list[OutEvent] = []
        self._due = False
        self._counts: dict[tuple[str, str], Counter[str]] = {}
        self._changes = 0
        self._moved: set[str] = set()
        self._commented: list[str] = []
        self._escalated: list[str] = []
        self._gathered: list[str] = []
        self._acknowledged_too: dict[str, str] = {}
        self._entries: dict[str, list[str]] = {}

    @cached_property
    def routes(self) -> RouteTree | None:
        """The active routes, as this transaction reads them; None for none."""
        return active_tree(self.connection)

    def record(
        self,
        become: Transition,
        state: AlertState,
        origin: Origin,
        title: str,
        *,
        joins: Sequence[Membership] = (),
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
            joins: the groups that the alert joins by it; none where it stays where it is
            value: of the reading, in the rule's unit
            labels: of the reading; None where a person or a clock made the change
            actor: who did it
            comment: what they wrote, or whom they assigned
            flow_run_id: of the run that saw it
        """
        reason = become.reason
        kind = ALERT_EVENTS[reason]
        entry_id = new_id()
        self._entries.setdefault(origin.tenant, []).append(entry_id)
        self.alerts.timeline.append(
            (
                entry_id, state.id, self.now, kind, str(reason), actor, comment,
                state.status.value, state.severity, value, flow_run_id, state.version,
            )
        )  # fmt: skip
        groups = self.groups
        if joins:
            # An opened alert's row is new, or it was pending, in no group yet.
            fresh, by_hand = reason is Reason.OPENED, reason is Reason.REOPENED_MANUALLY
            groups.fired += [
                Fired(state.id, title, state.severity, one, fresh, by_hand) for one in joins
            ]
        elif kind == "resolved":
            quiet = reason in _QUIET
            (groups.ended_quietly if quiet else groups.resolved)[state.id] = state.resolution
        elif reason not in _OUTSIDE_GROUPS:
            groups.touch(state.id, reason)
        if reason is Reason.COMMENTED:
            self._commented.append(state.id)
        elif reason is Reason.ESCALATED_MANUALLY:
            self._escalated.append(state.id)
        elif reason is Reason.ACKNOWLEDGED_TOO:
            self._acknowledged_too[state.id] = actor
        if joins or kind == "resolved" or reason in _SEVERITY:
            self._moved.add(state.id)
        if reason in _GATHERED:
            self._gathered.append(state.id)
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

    def flush(self) -> None:
        """Write alerts and groups, for what follows to read; the rest waits for `commit`."""
        if self.alerts:
            self.alerts.write(self.connection)
            self.is_news = True
        if self.suppressions:
            self._write_suppressions()
        if self._changes:
            events, due = self.groups.carry_out(self.now)
            self._group_events += events
            self._due = self._due or due
        self._follow()
        if self._moved or self.relabelled:
            again = look_again(self.connection, self.relabelled, self._moved, self.now)
            self._due = self._due or again
            self._moved, self.relabelled = set(), set()
        if self._gathered:
            ids, self._gathered = self._gathered, []
            self._group_events += gather(self.store, self.connection, ids, self.now)
        self.alerts, self.suppressions = WriteBatch(), {}
        self.groups = GroupChanges(self.store, self.connection, self._about)

    def commit(self) -> None:
        """Write all that was collected, the change number last, into the open transaction."""
        connection, now = self.connection, self.now
        self.flush()
        for tenant, entries in self._entries.items():
            note_changes(connection, "alert", tenant, now, entries)
        if self._changes or self._group_events:
            self.store.outbox.add(connection, [*self._group_events, *self._alert_events()])
        if self.remediations:
            request_remediations(self.store, connection, self.remediations, now)
        if self._due:
            self.store.wakes.request(connection, now)
        if self.is_news:
            self.store.changed(connection)

    def _follow(self) -> None:
        """Have the escalations of groups follow what changed, after the groups are locked."""
        store, connection, now = self.store, self.connection, self.now
        events = self._group_events
        if self.groups.moves:
            events += follow_groups(store, connection, self.groups.moves, now)
        if self._commented:
            events += follow_comments(store, connection, self._commented, now)
        if self._acknowledged_too:
            events += follow_acknowledgements(store, connection, self._acknowledged_too, now)
        if self._escalated:
            events += follow_escalations(store, connection, self._escalated, now)
        self._commented, self._acknowledged_too, self._escalated = [], {}, []

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
