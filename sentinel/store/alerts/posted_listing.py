"""Alerts that were posted as to an Alertmanager, as its API gives them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, select

from sentinel.notifications.silence import SilenceIndex
from sentinel.store.alerts.posted_batches import ALERTMANAGER, PostedEnds
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, NOT_RESOLVED, SILENCE
from sentinel.store.notifications.active_routes import active_tree
from sentinel.store.notifications.inhibition import Inhibitors
from sentinel.store.notifications.mutes import silence_indexes
from sentinel.store.notifications.rule_labels import COLUMNS, RuleLabels

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["PostedAlert", "PostedGroup", "posted_alerts"]


class PostedGroup(msgspec.Struct, frozen=True):
    """A group of an alert: its id, its labels, and its receivers."""

    id: str
    labels: Mapping[str, str]
    receivers: Sequence[str]


class PostedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that fires.

    Attributes:
        id: of it here
        labels: as they were posted
        annotations: as they were posted
        url: the `generatorURL`
        start: when it began
        end: when it ends unless it is posted again
        updated: when it was posted last
        silenced_by: ids of the silences that mute it now
        inhibited_by: ids of the alerts that inhibit it now
        suppressed: whether a person suppressed it
        groups: that it is in
    """

    id: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    url: str
    start: datetime
    end: datetime
    updated: datetime
    silenced_by: Sequence[str]
    inhibited_by: Sequence[str]
    suppressed: bool
    groups: Sequence[PostedGroup]


def posted_alerts(store: Store, tenant: str) -> list[PostedAlert]:
    """Return the alerts of a tenant that were posted and fire now.

    Args:
        store: the shared database
        tenant: whose

    Returns:
        The alerts, in no order.
    """
    now = store.now()
    found: list[PostedAlert] = []
    with store.read() as connection:
        rows = connection.execute(_LISTED, {"tenant": tenant}).all()
        ends = PostedEnds(connection, tenant, now)
        labels = RuleLabels(connection)
        silences = silence_indexes(connection, now).get(tenant) or SilenceIndex(())
        asked = {"tenant": tenant, "now": now}
        of_rule = [row.id for row in connection.execute(_RULE_SILENCES, asked)]
        tree = active_tree(connection)
        targets = {}
        if tree is not None and tree.inhibitions:
            targets = {row.id: tree.inhibitions.as_target(labels.of(row)) for row in rows}
        sources = Inhibitors(connection).of({one: keys for one, keys in targets.items() if keys})
        groups: dict[str, list[PostedGroup]] = {}
        for piece in chunks([row.id for row in rows]):
            for row in connection.execute(_GROUPS, {"ids": piece}):
                one = PostedGroup(row.id, row.labels, row.receivers)
                groups.setdefault(row.alert_id, []).append(one)
        for row in rows:
            end, updated = row.expires_at, row.last_bad_at
            if end is not None:
                end, updated = ends.of(row.fingerprint, end, updated)
            if end is None or end <= now:
                continue
            muting = [
                one.id
                for one in silences.matching(labels.of(row))
                if one.mutes_until(now) is not None
            ]
            details: Mapping[str, Any] = row.details
            starts: str = details.get("starts_at") or ""
            found.append(
                PostedAlert(
                    id=row.id, labels=details.get("labels") or row.labels,
                    annotations=details.get("annotations") or {},
                    url=details.get("generator_url") or "",
                    start=datetime.fromisoformat(starts) if starts else row.first_bad_at,
                    end=end, updated=updated, silenced_by=sorted([*muting, *of_rule]),
                    inhibited_by=sources.get(row.id, []),
                    suppressed=row.suppressed_until is not None and row.suppressed_until > now,
                    groups=groups.get(row.id, []),
                )
            )  # fmt: skip
    return found


# Built once, since SQLAlchemy compiles a statement once for each object.
_LISTED = select(
    ALERT.c.id, ALERT.c.fingerprint, ALERT.c.details, ALERT.c.expires_at, ALERT.c.last_bad_at,
    ALERT.c.first_bad_at, ALERT.c.suppressed_until, *COLUMNS,
).where(
    ALERT.c.tenant == bindparam("tenant"), ALERT.c.rule == ALERTMANAGER, NOT_RESOLVED,
    ALERT.c.status.in_(("open", "acknowledged")),
)  # fmt: skip
_RULE_SILENCES = select(SILENCE.c.id).where(
    SILENCE.c.tenant == bindparam("tenant"), SILENCE.c.rule == ALERTMANAGER,
    SILENCE.c.until > bindparam("now", type_=SILENCE.c.until.type), SILENCE.c.ended_at.is_(None),
)  # fmt: skip
_GROUPS = (
    select(MEMBER.c.alert_id, GROUP.c.id, GROUP.c.labels, GROUP.c.receivers)
    .join(GROUP, GROUP.c.id == MEMBER.c.group_id)
    .where(MEMBER.c.alert_id.in_(bindparam("ids", expanding=True)))
    .where(MEMBER.c.resolved_seq.is_(None))
)
