"""Which rows leave the database with an alert or a group that was resolved long ago."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, func, or_, select, true

from sentinel.schema.archive import ArchiveHold, ArchiveTaken
from sentinel.schema.groups import GroupMember
from sentinel.schema.incidents import IncidentAlert
from sentinel.severity import Severity
from sentinel.store.database.bulk import id_array
from sentinel.store.database.tables import ALERT, GROUP, table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["HOLD", "LEAVING", "Kept", "delete_rows", "kept_of", "leaves", "limit_notice", "oldest"]

LEAVING: Mapping[str, Sequence[tuple[str, str]]] = {
    "alert": (("alert", "id"), ("timeline", "alert_id"), ("group_member", "alert_id"),
              ("remedy", "alert_id")),
    "group": (("alert_group", "id"), ("notification_log", "group_id"), ("delivery", "group_id"),
              ("notification_outcome", "group_id"), ("held_back", "group_id"),
              ("group_member", "group_id"), ("escalation_page", "group_id"),
              ("escalation", "group_id")),
}  # fmt: skip
"""By kind: tables, and the column that names the alert or group; its own table first."""
_OWN: Mapping[str, Table] = {"alert": ALERT, "group": GROUP}
_OF_INCIDENT, _MEMBER = table_of(IncidentAlert), table_of(GroupMember)
HOLD, _TAKEN = table_of(ArchiveHold), table_of(ArchiveTaken)


class Kept:
    """How long resolved alerts and groups stay in the database.

    Args:
        now: the present moment
        older_than: for tenants that are not named
        by_tenant: for those that are
        over_limit: alerts that were resolved before this moment leave in any case, since there are
            too many; None where there are not
        also_critical: whether critical ones are among those
    """

    def __init__(
        self, now: datetime, older_than: timedelta, by_tenant: Mapping[str, timedelta], *,
        over_limit: datetime | None = None, also_critical: bool = False,
    ) -> None:  # fmt: skip
        self.now = now
        self.over_limit = over_limit
        self._also_critical = also_critical
        self._before = now - older_than
        self._by_tenant = {tenant: now - length for tenant, length in by_tenant.items()}

    def over(self, table: Table) -> ColumnElement[bool]:
        """Return the condition that a row was resolved too long ago to stay."""
        resolved, named = table.c.status == "resolved", list(self._by_tenant)
        others = and_(table.c.resolved_at < self._before, table.c.tenant.not_in(named))
        own = (
            and_(table.c.tenant == tenant, table.c.resolved_at < before)
            for tenant, before in self._by_tenant.items()
        )
        too_many: list[ColumnElement[bool]] = []
        if self.over_limit is not None and table is ALERT:
            before = ALERT.c.resolved_at < self.over_limit
            spared = true() if self._also_critical else ALERT.c.severity < int(Severity.CRITICAL)
            too_many.append(and_(before, spared))
        return and_(resolved, or_(others, *own, *too_many))


def kept_of(store: Store, older_than: timedelta) -> Kept:
    """Return how long resolved alerts stay, by the options of the store and their number."""
    options = store.options
    return Kept(
        store.now(), older_than, options.retention_by_tenant,
        over_limit=_limit(store, options.most_history) if options.most_history else None,
        also_critical=bool(options.archive_url),
    )  # fmt: skip


def limit_notice(store: Store, older_than: timedelta) -> str:
    """Say that resolved alerts leave before their time; empty where there are not too many."""
    cut = kept_of(store, older_than).over_limit
    if cut is None or cut <= store.now() - older_than:
        return ""
    return (
        f"there are more than {store.options.most_history:,} resolved alerts: those resolved "
        f"before {cut:%Y-%m-%d %H:%M} UTC leave before their time"
    )


def _limit(store: Store, most: int) -> datetime | None:
    """Return when the last of the newest `most` alerts was resolved; None where there are fewer."""
    at = ALERT.c.resolved_at
    query = select(at).where(at.is_not(None), ALERT.c.status == "resolved").order_by(at.desc())
    with store.read() as connection:
        return connection.execute(query.offset(most - 1).limit(1)).scalar()


def oldest(
    connection: Connection, kind: str, kept: Kept, limit: int, *, held: bool = False
) -> list[Any]:
    """Return what leaves next: alerts that are in no incident, or groups.

    What was restored from the archive for some time stays until then.

    Args:
        connection: an open transaction
        kind: alert or group
        kept: how long they stay
        limit: at most so many
        held: whether those of tenants on legal hold are among them

    Returns:
        Rows with `id` and `tenant`.
    """
    table = _OWN[kind]
    query = select(table.c.id, table.c.tenant).where(*_leaving(kind, kept))
    if not held:
        query = query.where(~exists().where(HOLD.c.tenant == table.c.tenant))
    return list(connection.execute(query.limit(limit)))


def leaves(connection: Connection, kind: str, kept: Kept, ids: Sequence[str]) -> int:
    """Return how many of some alerts or groups leave still, though some are on legal hold.

    Args:
        connection: an open transaction
        kind: alert or group
        kept: how long they stay
        ids: of which, at most some hundreds

    Returns:
        The number.
    """
    table = _OWN[kind]
    query = select(func.count()).select_from(table).where(table.c.id.in_(ids))
    return int(connection.execute(query.where(*_leaving(kind, kept))).scalar_one())


def _leaving(kind: str, kept: Kept) -> list[ColumnElement[bool]]:
    table = _OWN[kind]
    where = [kept.over(table), ~_restored(table.c.id, kept.now)]
    if kind == "alert":
        return [*where, ~_in_incident(table.c.id)]
    # A group stays with each of its alerts that stays: a restored one, or one of an incident.
    member = exists().where(
        _MEMBER.c.group_id == table.c.id, ALERT.c.id == _MEMBER.c.alert_id,
        or_(_restored(_MEMBER.c.alert_id, kept.now), _in_incident(_MEMBER.c.alert_id)),
    )  # fmt: skip
    return [*where, ~member]


def _restored(record_id: ColumnElement[str], now: datetime) -> ColumnElement[bool]:
    return exists().where(_TAKEN.c.record_id == record_id, _TAKEN.c.keep_until > now)


def _in_incident(alert_id: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(_OF_INCIDENT.c.alert_id == alert_id)


def delete_rows(connection: Connection, kind: str, ids: Sequence[str]) -> None:
    """Delete alerts or groups with all rows that belong to them.

    Args:
        connection: a writing transaction
        kind: alert or group
        ids: of which
    """
    subquery, parameter = id_array(connection, list(ids))
    for table, column in reversed(LEAVING[kind]):
        connection.exec_driver_sql(
            f"DELETE FROM {table} WHERE {column} IN ({subquery})",  # noqa: S608 - names are ours
            (parameter,),
        )
