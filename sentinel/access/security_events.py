"""Sentinel's own security events, and how a flood of them becomes a few. Pure.

They are events like any other, of a tenant of their own, into which nobody else may send. None
holds a password, a key, or what somebody typed who is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

__all__ = [
    "AT_ONCE",
    "SECURITY_TENANT",
    "ChangeAction",
    "Gathered",
    "SecurityEvent",
    "change_event",
    "key_event",
]

SECURITY_TENANT = "sentinel-security"
"""Whose events and alerts these are, so that who is confined to tenants does not see them."""
AT_ONCE = 100
"""So many different events are told apart at once; the rest counts together."""
_LONGEST = 200
ChangeAction = Literal["permission.changed", "critical_rule.changed", "notifications.changed"]


class SecurityEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A failed login, or a request or command that was refused.

    Attributes:
        action: what happened
        door: where: the API, the dashboard, or the live API of its pages
        who: name of the person or the key; empty where nobody is known
        who_kind: `person`, `key`, `token` or `local`
        address: of the client; empty where it is not known
        what: the route or the command; empty for a login
        reason: code of why it was refused
        failures: of a login, the failures in a row of that name
        address_failures: of a login, those of the address that count still
    """

    action: Literal["login.failed", "access.refused"]
    door: Literal["api", "dashboard", "live"]
    who: str = ""
    who_kind: str = ""
    address: str = ""
    what: str = ""
    reason: str = ""
    failures: int = 0
    address_failures: int = 0

    @property
    def others(self) -> SecurityEvent:
        """Return what it counts as where too many different ones come at once."""
        return SecurityEvent(
            action=self.action, door=self.door, reason=self.reason, failures=self.failures,
            address_failures=self.address_failures,
        )  # fmt: skip


class _Count(msgspec.Struct):
    first_at: datetime
    last_at: datetime
    count: int = 0
    failures: int = 0
    address_failures: int = 0


class Gathered:
    """Security events that are not stored yet: the same ones are one, with a count."""

    def __init__(self) -> None:
        self._counts: dict[SecurityEvent, _Count] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, event: SecurityEvent, at: datetime) -> None:
        """Count one more.

        Args:
            event: what happened
            at: when
        """
        self._count(event, _Count(at, at, 1, event.failures, event.address_failures))

    def add_all(self, others: Gathered) -> None:
        """Count what others counted, whose storing failed."""
        for event, counted in others._counts.items():
            self._count(event, counted)

    def _count(self, event: SecurityEvent, more: _Count) -> None:
        key = msgspec.structs.replace(event, failures=0, address_failures=0)
        if key not in self._counts and len(self._counts) >= AT_ONCE:
            key = msgspec.structs.replace(key.others, failures=0, address_failures=0)
        found = self._counts.setdefault(key, _Count(more.first_at, more.last_at))
        found.first_at = min(found.first_at, more.first_at)
        found.last_at = max(found.last_at, more.last_at)
        found.count += more.count
        found.failures = max(found.failures, more.failures)
        found.address_failures = max(found.address_failures, more.address_failures)

    def events(self) -> list[dict[str, Any]]:
        """Return them as events of the log."""
        found: list[dict[str, Any]] = []
        for event, counted in self._counts.items():
            fields = {
                name: value[:_LONGEST]
                for name, value in msgspec.to_builtins(event).items()
                if isinstance(value, str) and value
            }
            numbers = {"failures": counted.failures, "address_failures": counted.address_failures}
            fields["subject"] = fields.get("who") or (
                "a wrong key" if event.reason == "wrong_key" else "somebody unknown"
            )
            found.append(
                _event(fields.pop("action"), counted.last_at) | fields
                | {name: value for name, value in numbers.items() if value}
                | {"count": counted.count, "first_at": counted.first_at.isoformat()}
            )  # fmt: skip
        return found


def change_event(
    action: ChangeAction, at: datetime, *, audit_id: str, **fields: str | Mapping[str, Any]
) -> dict[str, Any]:
    """Return the event of a change that an audit row records; another one of that row is the same.

    Args:
        action: what was changed
        at: when
        audit_id: of the row
        fields: of the row

    Returns:
        The event.
    """
    return _event(action, at) | {"id": f"audit-{audit_id}", "audit_id": audit_id, **fields}


def key_event(
    key_id: str, name: str, prefix: str, expires_at: datetime, now: datetime
) -> dict[str, Any]:
    """Return the event that a key expires soon; there is one an hour.

    Args:
        key_id: of the key
        name: of the key
        prefix: of its newest secret, which is no secret
        expires_at: when that secret ends
        now: the present moment

    Returns:
        The event.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    return _event("key.expires", now) | {
        "id": f"key-{key_id}-{hour:%Y%m%d%H}", "key": name, "prefix": prefix,
        "expires_at": expires_at.isoformat(), "expires_on": f"{expires_at:%Y-%m-%d %H:%M} UTC",
        "days": (expires_at - now).days,
    }  # fmt: skip


def _event(action: str, at: datetime) -> dict[str, Any]:
    return {
        "source": "sentinel", "category": "security", "action": action,
        "timestamp": at.isoformat(),
    }  # fmt: skip
