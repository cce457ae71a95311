"""The security events of audited changes: to permissions, critical rules and notifications.

They are stored in the transaction that chains the audit rows, so that no such change is without its
event, whichever process made it and however that process ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, RowMapping, select

from sentinel.access.security_events import SECURITY_TENANT, ChangeAction, change_event
from sentinel.audit.actions import words_of
from sentinel.store.audit.silenced_rules import may_mute_critical
from sentinel.store.database.tables import AUDIT_PERSON
from sentinel.store.rules.critical import critical_among

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["NOTIFICATIONS", "PERMISSIONS", "store_events"]

PERMISSIONS = (
    "key.created", "key.rotated", "key.revoked", "person.created", "person.deleted",
    "person.password", "person.disabled", "person.enabled", "person.granted", "person.revoked",
    "person.sessions", "separation.switched",
)  # fmt: skip
"""Changes to what somebody may do."""
NOTIFICATIONS = (
    "receiver.set", "receiver.removed", "channel.saved", "channel.removed", "routes.applied",
    "receiver.limited", "channel.limited", "receiver.templated", "receiver.announced",
)  # fmt: skip
"""Changes to who is notified: they can silence a rule that nobody touches."""
_NEW = ("rule.created", "rule.dropped")
"""Of rules that have judged nothing yet; only in the tenant of self-watch are they events."""
_SILENCED = ("silence.created", "silence.changed", "silence.extended")
_ERASED = "an erased person"


def store_events(store: Store, connection: Connection, rows: Sequence[RowMapping]) -> None:
    """Store the events of audit rows that are being chained.

    Args:
        store: the shared database
        connection: the transaction that chains them
        rows: of the audit trail
    """
    permissions = [row for row in rows if row["action"] in PERMISSIONS]
    rules = list(_of_critical_rules(connection, [row for row in rows if _is_of_rule(row)]))
    rules += [row for row in rows if _mutes_critical(connection, row)]
    notifications = [row for row in rows if _is_of_notifications(row)]
    if not permissions and not rules and not notifications:
        return
    names = _names(connection, [*permissions, *rules, *notifications])
    events = [_event("permission.changed", row, names) for row in permissions]
    events += [_event("critical_rule.changed", row, names) for row in rules]
    events += [_event("notifications.changed", row, names) for row in notifications]
    store.events.add_within(connection, events, tenant=SECURITY_TENANT)


def _mutes_critical(connection: Connection, row: RowMapping) -> bool:
    """Return whether somebody silenced by matchers what may be alerts of a critical rule."""
    return row["action"] in _SILENCED and may_mute_critical(connection, row, _fields(row["after"]))


def _is_of_rule(row: RowMapping) -> bool:
    action = row["action"]
    if action == "rule.deployed" and row["before"] is None:  # a new one
        return False
    return (
        action.startswith("rule.")
        and (action not in _NEW or row["tenant"] == SECURITY_TENANT)
        and not _was_not_done(row)
    )


def _is_of_notifications(row: RowMapping) -> bool:
    """Return whether a person or a key changed who is notified; Sentinel itself may, too."""
    return row["action"] in NOTIFICATIONS and row["kind"] != "system" and not _was_not_done(row)


def _was_not_done(row: RowMapping) -> bool:
    return row["note"].startswith("not done:")


def _of_critical_rules(connection: Connection, rows: Sequence[RowMapping]) -> Iterable[RowMapping]:
    if not rows:
        return
    critical = critical_among(connection, {row["object_name"] for row in rows})
    of_any = {name for _, name in critical}
    for row in rows:
        name, tenant = row["object_name"], row["tenant"]
        # The row of a removed rule says it itself, and a deployment has no tenant.
        was = _fields(row["before"]).get("critical") is True
        here = (tenant, name) in critical if tenant else name in of_any
        if was or here or tenant == SECURITY_TENANT:
            yield row


def _event(action: ChangeAction, row: RowMapping, names: Mapping[str, str]) -> dict[str, Any]:
    kind, after = row["object_kind"], _fields(row["after"])
    about = names.get(row["object_id"], _ERASED) if kind == "person" else row["object_name"]
    if kind == "silence":
        about = f"alerts that match {about}, also of a rule"
    fields: dict[str, Any] = {
        "change": row["action"], "says": words_of(row["action"]), "object_kind": kind,
        "object": about, "object_tenant": row["tenant"], "who": names.get(row["actor"], _ERASED),
        "who_kind": row["kind"], "door": row["door"],
        "roles": ", ".join(sorted({str(one.get("role")) for one in after.get("grants") or ()})),
    }  # fmt: skip
    return change_event(
        action, row["at"], audit_id=row["id"],
        **{name: value for name, value in fields.items() if value},
    )  # fmt: skip


def _names(connection: Connection, rows: Iterable[RowMapping]) -> dict[str, str]:
    """Return the names behind the pseudonyms of actors and of people whose accounts changed."""
    ids = {row["actor"] for row in rows}
    ids |= {row["object_id"] for row in rows if row["object_kind"] == "person"}
    query = select(AUDIT_PERSON.c.id, AUDIT_PERSON.c.name).where(AUDIT_PERSON.c.id.in_(ids))
    return {one.id: one.name for one in connection.execute(query) if one.name}


def _fields(text: str | None) -> dict[str, Any]:
    return {} if text is None else msgspec.json.decode(text)
