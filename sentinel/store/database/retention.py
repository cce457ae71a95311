"""Retention: deletes what was resolved long ago, in transactions short enough to block nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import and_, delete, exists, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from sentinel.metrics.moments import micros
from sentinel.schema.acknowledge_links import AcknowledgeLink
from sentinel.schema.alerts import Suppression
from sentinel.schema.answered_requests import AnsweredRequest
from sentinel.schema.api_usage import ApiLimitState, ConsumerSession
from sentinel.schema.bounces import PostedBounce
from sentinel.schema.calendar_feeds import CalendarFeed
from sentinel.schema.conditions import EpisodeEnd, HeldBack, RuleMemory
from sentinel.schema.digests import DigestRun
from sentinel.schema.incidents import IncidentRow
from sentinel.schema.notices import Notice, SilenceAnnouncement
from sentinel.schema.notifications import Delivery, InboxMessage, NotificationOutcome, SystemLog
from sentinel.schema.oncall import OnCallOverride
from sentinel.schema.orchestration import IncomingAlert, OrchestrationShadow
from sentinel.schema.route_shadow import RouteShadow, ShadowOutcome
from sentinel.schema.silences import Silence
from sentinel.schema.web_feeds import WebFeed
from sentinel.store.database.bulk import id_array
from sentinel.store.database.leaving import HOLD, Kept, delete_rows, kept_of, oldest
from sentinel.store.database.tables import ALERT, GROUP, NOT_RESOLVED, RULE, table_of

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.metrics.rollup import Kept as KeptSamples

__all__ = ["Retained", "forget_incidents", "retain"]

_PIECE = 1000
_INCIDENT = table_of(IncidentRow)


class Retained(msgspec.Struct, frozen=True):
    """How many alerts and groups were deleted, and what upkeep did with samples."""

    alerts: int
    groups: int
    samples: KeptSamples


def retain(store: Store, older_than: timedelta) -> Retained:
    """Delete alerts and groups that were resolved longer ago than `older_than`.

    Their timeline, memberships, notification log, outcomes, escalations and deliveries are deleted
    in the same transaction, and so is what limits held back. The state of rules that no longer
    exist is deleted as well. Samples of metrics are merged, rolled up and deleted by their own
    retention. So are incidents; an alert that is in one is kept as long as the incident. Where the
    options name an archive, alerts and groups stay, since `archive_resolved` moves them there.

    Args:
        store: the shared database
        older_than: how long resolved alerts are kept

    Returns:
        How much was deleted.
    """
    before, now = store.now() - older_than, micros(store.now())
    forget_incidents(store, store.now() - max(older_than, store.options.keep_incidents))
    alerts = groups = 0
    archived = bool(store.options.archive_url)
    if not archived:
        kept = kept_of(store, older_than)
        alerts, groups = _delete(store, "alert", kept), _delete(store, "group", kept)
    _forget_limits(store, now)
    of_its_own = or_(
        GROUP.c.tenant.in_(list(store.options.retention_by_tenant)),
        exists().where(HOLD.c.tenant == GROUP.c.tenant),
    )
    with store.write() as connection:
        connection.execute(delete(SystemLog).where(col(SystemLog.at) < before))
        connection.execute(delete(InboxMessage).where(col(InboxMessage.at) < before))
        for model, at in ((Delivery, Delivery.started_at),
                          (NotificationOutcome, NotificationOutcome.at)):  # fmt: skip
            old = delete(model).where(col(at) < before)
            # With an archive, a hold, or a time of their tenant they leave with their group.
            of_group = GROUP.c.id == col(model.group_id)
            if not archived:
                of_group = and_(of_group, of_its_own)
            connection.execute(old.where(~exists().where(of_group)))
        connection.execute(delete(PostedBounce).where(col(PostedBounce.received_at) < before))
        connection.execute(delete(AnsweredRequest).where(col(AnsweredRequest.until) < store.now()))
        over = col(ConsumerSession.ends_at) <= store.now()
        connection.execute(delete(ConsumerSession).where(over))
        ended = col(AcknowledgeLink.expires_at) <= store.now()
        connection.execute(delete(AcknowledgeLink).where(ended))
        connection.execute(delete(Suppression).where(col(Suppression.until) < store.now()))
        connection.execute(delete(Silence).where(col(Silence.until) < before))
        connection.execute(delete(OnCallOverride).where(col(OnCallOverride.ends_at) < before))
        connection.execute(delete(WebFeed).where(col(WebFeed.revoked_at) < before))
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
        connection.execute(
            delete(OrchestrationShadow).where(col(OrchestrationShadow.stopped_at) < before)
        )
        live = exists().where(ALERT.c.fingerprint == col(IncomingAlert.target), NOT_RESOLVED)
        old = col(IncomingAlert.last_seen) < before, col(IncomingAlert.state) != "held", ~live
        connection.execute(delete(IncomingAlert).where(*old))
        connection.execute(delete(EpisodeEnd).where(col(EpisodeEnd.taken_at) < before))
        # Left by groups and rules that were deleted before these rows were deleted with them.
        of_group = exists().where(GROUP.c.id == col(HeldBack.group_id))
        connection.execute(delete(HeldBack).where(~of_group))
        of_rule = exists().where(
            RULE.c.tenant == col(RuleMemory.tenant), RULE.c.name == col(RuleMemory.rule)
        )
        connection.execute(delete(RuleMemory).where(~of_rule))
    store.events.forget(store.now())
    store.events.forget_changes(older_than)
    return Retained(alerts, groups, store.metrics.upkeep())


def _delete(store: Store, kind: str, kept: Kept) -> int:
    """Delete alerts or groups that were resolved long ago, and return how many."""
    gone = 0
    while True:
        with store.write() as connection:
            ids = [row.id for row in oldest(connection, kind, kept, _PIECE)]
            delete_rows(connection, kind, ids)
            if ids and kind == "alert":
                store.changed(connection)
        gone += len(ids)
        if len(ids) < _PIECE:
            return gone


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
                                  ("incident_room", "incident_id"),
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
