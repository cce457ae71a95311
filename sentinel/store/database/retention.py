"""Retention: deletes what was resolved long ago, in transactions short enough to block nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, exists, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from sentinel.metrics.moments import micros
from sentinel.schema.acknowledge_links import AcknowledgeLink
from sentinel.schema.alerts import Suppression
from sentinel.schema.answered_requests import AnsweredRequest
from sentinel.schema.api_usage import ApiLimitState
from sentinel.schema.bounces import PostedBounce
from sentinel.schema.calendar_feeds import CalendarFeed
from sentinel.schema.conditions import EpisodeEnd, HeldBack, RuleMemory
from sentinel.schema.digests import DigestRun
from sentinel.schema.incidents import IncidentAlert, IncidentRow
from sentinel.schema.notices import Notice, SilenceAnnouncement
from sentinel.schema.notifications import Delivery, InboxMessage, NotificationOutcome, SystemLog
from sentinel.schema.oncall import OnCallOverride
from sentinel.schema.route_shadow import RouteShadow, ShadowOutcome
from sentinel.schema.silences import Silence
from sentinel.store.database.bulk import id_array
from sentinel.store.database.tables import ALERT, GROUP, RULE, table_of

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.metrics.rollup import Kept

__all__ = ["Retained", "forget_incidents", "retain"]

_PIECE = 1000
_INCIDENT, _OF_INCIDENT = table_of(IncidentRow), table_of(IncidentAlert)


class Retained(msgspec.Struct, frozen=True):
    """How many alerts and groups were deleted, and what upkeep did with samples."""

    alerts: int
    groups: int
    samples: Kept


def retain(store: Store, older_than: timedelta) -> Retained:
    """Delete alerts and groups that were resolved longer ago than `older_than`.

    Their timeline, memberships, notification log, outcomes, escalations and deliveries are deleted
    in the same transaction, and so is what limits held back. The state of rules that no longer
    exist is deleted as well. Samples of metrics are merged, rolled up and deleted by their own
    retention. So are incidents; an alert that is in one is kept as long as the incident.

    Args:
        store: the shared database
        older_than: how long resolved alerts are kept

    Returns:
        How much was deleted.
    """
    before, now = store.now() - older_than, micros(store.now())
    forget_incidents(store, store.now() - max(older_than, store.options.keep_incidents))
    kept = exists().where(_OF_INCIDENT.c.alert_id == ALERT.c.id)
    alerts = groups = 0
    while True:
        with store.write() as connection:
            query = select(ALERT.c.id).where(
                ALERT.c.status == "resolved", ALERT.c.resolved_at < before, ~kept
            )
            ids = list(connection.execute(query.limit(_PIECE)).scalars())
            subquery, parameter = id_array(connection, ids)
            for table, column in (("timeline", "alert_id"), ("group_member", "alert_id"),
                                  ("remedy", "alert_id"),
                                  ("alert", "id")):  # fmt: skip
                connection.exec_driver_sql(
                    f"DELETE FROM {table} WHERE {column} IN ({subquery})",  # noqa: S608 - names are ours
                    (parameter,),
                )
            if ids:
                store.changed(connection)
        alerts += len(ids)
        if len(ids) < _PIECE:
            break
    while True:
        with store.write() as connection:
            query = select(GROUP.c.id).where(
                GROUP.c.status == "resolved", GROUP.c.resolved_at < before
            )
            ids = list(connection.execute(query.limit(_PIECE)).scalars())
            subquery, parameter = id_array(connection, ids)
            for table, column in (("notification_log", "group_id"), ("delivery", "group_id"),
                                  ("notification_outcome", "group_id"),
                                  ("held_back", "group_id"), ("group_member", "group_id"),
                                  ("escalation_page", "group_id"), ("escalation", "group_id"),
                                  ("alert_group", "id")):  # fmt: skip
                connection.exec_driver_sql(
                    f"DELETE FROM {table} WHERE {column} IN ({subquery})",  # noqa: S608 - names are ours
                    (parameter,),
                )
        groups += len(ids)
        if len(ids) < _PIECE:
            break
    _forget_limits(store, now)
    with store.write() as connection:
        connection.execute(delete(SystemLog).where(col(SystemLog.at) < before))
        connection.execute(delete(InboxMessage).where(col(InboxMessage.at) < before))
        connection.execute(delete(Delivery).where(col(Delivery.started_at) < before))
        old = col(NotificationOutcome.at) < before
        connection.execute(delete(NotificationOutcome).where(old))
        connection.execute(delete(PostedBounce).where(col(PostedBounce.received_at) < before))
        connection.execute(delete(AnsweredRequest).where(col(AnsweredRequest.until) < store.now()))
        ended = col(AcknowledgeLink.expires_at) <= store.now()
        connection.execute(delete(AcknowledgeLink).where(ended))
        connection.execute(delete(Suppression).where(col(Suppression.until) < store.now()))
        connection.execute(delete(Silence).where(col(Silence.until) < before))
        connection.execute(delete(OnCallOverride).where(col(OnCallOverride.ends_at) < before))
        connection.execute(delete(CalendarFeed).where(col(CalendarFeed.revoked_at) < before))
        # The newest of a team says which period comes next.
        later = aliased(DigestRun)
        newer = exists().where(
            col(later.team) == col(DigestRun.team), col(later.until) > col(DigestRun.until)
        )
        connection.execute(delete(DigestRun).where(col(DigestRun.until) < before, newer))
        ended = col(Notice.created_at) < before, col(Notice.due_at).is_(None)
        connection.execute(delete(Notice).where(*ended))
        over = col(SilenceAnnouncement.ended_at) < before
        connection.execute(delete(SilenceAnnouncement).where(over))
        connection.execute(delete(ShadowOutcome).where(col(ShadowOutcome.opened_at) < before))
        connection.execute(delete(RouteShadow).where(col(RouteShadow.stopped_at) < before))
        connection.execute(delete(EpisodeEnd).where(col(EpisodeEnd.taken_at) < before))
        # Left by groups and rules that were deleted before these rows were deleted with them.
        of_group = exists().where(GROUP.c.id == col(HeldBack.group_id))
        connection.execute(delete(HeldBack).where(~of_group))
        of_rule = exists().where(
            RULE.c.tenant == col(RuleMemory.tenant), RULE.c.name == col(RuleMemory.rule)
        )
        connection.execute(delete(RuleMemory).where(~of_rule))
    store.events.forget(store.now())
    return Retained(alerts, groups, store.metrics.upkeep())


def _forget_limits(store: Store, now: int) -> None:
    """Delete what limits counted once, in pieces: requests do not wait long for a row of them."""
    over = col(ApiLimitState.expires_at) < now
    piece = select(col(ApiLimitState.id)).where(over).limit(_PIECE)
    while True:
        with store.write() as connection:
            # Again `over`: a request may have used the row since it was looked for.
            gone = delete(ApiLimitState).where(col(ApiLimitState.id).in_(piece), over)
            if connection.execute(gone).rowcount < _PIECE:
                return


def forget_incidents(store: Store, before: datetime) -> int:
    """Delete incidents with all that belongs to them; their alerts are let go.

    Args:
        store: the shared database
        before: those that were resolved before

    Returns:
        How many were deleted.
    """
    gone = 0
    while True:
        with store.write() as connection:
            query = select(_INCIDENT.c.id).where(
                _INCIDENT.c.status == "resolved", _INCIDENT.c.resolved_at < before
            )
            ids = list(connection.execute(query.limit(_PIECE)).scalars())
            subquery, parameter = id_array(connection, ids)
            for table, column in (("incident_alert", "incident_id"),
                                  ("incident_entry", "incident_id"),
                                  ("incident_step", "incident_id"),
                                  ("incident_action_item", "incident_id"),
                                  ("post_mortem_version", "incident_id"),
                                  ("incident", "id")):  # fmt: skip
                connection.exec_driver_sql(
                    f"DELETE FROM {table} WHERE {column} IN ({subquery})",  # noqa: S608 - names are ours
                    (parameter,),
                )
            if ids:
                store.changed(connection)
        gone += len(ids)
        if len(ids) < _PIECE:
            return gone
