"""Self-watch: the event policies over Sentinel's own security events, which every instance has.

Each is a rule of the tenant `sentinel-security`, with its own switch. More can be added as event
policies of that tenant.
"""

from __future__ import annotations

from typing import Any

from sentinel.access.security_events import SECURITY_TENANT
from sentinel.rules.rule import Rule

__all__ = ["KEY_EXPIRES_WITHIN_DAYS", "POLICIES", "SELF_WATCH", "self_watch_rule"]

SELF_WATCH = "self-watch"
"""Name of the pack's rule."""
KEY_EXPIRES_WITHIN_DAYS = 14


def _is(field: str, operator: str, value: object) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


POLICIES: list[dict[str, Any]] = [
    {
        "name": "Failed logins of one name",
        "description": "Five or more logins of one account failed in a row, so that it has to "
        "wait. Somebody forgot a password, or guesses it.",
        "rules": [_is("action", "eq", "login.failed"), _is("failures", "gte", 5),
                  _is("who", "exists", True)],
        "by": ["who"],
        "severity": "high",
        "summary_template": "{failures} logins of {who} failed in a row, the last at {address}",
        "resolve_after": "1h",
    },
    {
        "name": "Failed logins from one address",
        "description": "Many logins from one address failed, with whatever names. Somebody tries "
        "names or passwords, or a proxy is missing in SENTINEL_TRUSTED_PROXIES.",
        "rules": [_is("action", "eq", "login.failed"), _is("address_failures", "gte", 15),
                  _is("address", "exists", True)],
        "by": ["address"],
        "severity": "high",
        "summary_template": "Many logins from {address} failed, with whatever names",
        "resolve_after": "1h",
    },
    {
        "name": "Refused access, again and again",
        "description": "Requests or commands of one key, person or address were refused ten times "
        "within ten minutes, counted once in ten seconds. A key is wrong or may too little, or "
        "somebody tries what they may not do.",
        "rules": [_is("action", "eq", "access.refused")],
        "by": ["who", "address"],
        "window": {"type": "frequency", "num_events": 10, "timeframe": "10m"},
        "severity": "medium",
        "summary_template": "Access of {subject} at {address} is refused again and again, the last "
        "time: {what} ({reason})",
        "resolve_after": "1h",
    },
    {
        "name": "Flood of refused access",
        "description": "Fifty or more requests of one key, person or address were refused within "
        "ten seconds.",
        "rules": [_is("action", "eq", "access.refused"), _is("count", "gte", 50)],
        "by": ["who", "address"],
        "severity": "high",
        "summary_template": "{count} requests of {subject} at {address} were refused at once",
        "resolve_after": "1h",
    },
    {
        "name": "Permissions changed",
        "description": "An account, a role or an API key was made, changed or removed. See the "
        "audit trail: sentinel audit list",
        "rules": [_is("action", "eq", "permission.changed")],
        "by": ["object_kind", "object"],
        "severity": "medium",
        "summary_template": "{who} {says} {object}",
        "message_template": "{who} {says} {object}, by the {door}.\nRoles now: {roles}\n"
        "Audit row: {audit_id}",
        "resolve_after": "1d",
    },
    {
        "name": "Critical rule changed",
        "description": "A rule of severity critical, one that is marked for approval, or one of "
        "self-watch was changed, silenced, switched or removed. See the audit trail.",
        "rules": [_is("action", "eq", "critical_rule.changed")],
        "by": ["object_tenant", "object"],
        "severity": "high",
        "summary_template": "{who} {says} {object}, which is critical",
        "message_template": "{who} {says} {object}, by the {door}.\nAudit row: {audit_id}",
        "resolve_after": "1d",
    },
    {
        "name": "Notifications changed",
        "description": "A receiver, a channel or the routes were changed or removed, which can "
        "silence any rule without a change of it. See the audit trail: sentinel audit list",
        "rules": [_is("action", "eq", "notifications.changed")],
        "by": ["object_kind", "object"],
        "severity": "medium",
        "summary_template": "{who} {says} {object}",
        "message_template": "{who} {says} {object}, by the {door}.\nAudit row: {audit_id}",
        "resolve_after": "1d",
    },
    {
        "name": "Key expires soon",
        "description": f"An API key ends within {KEY_EXPIRES_WITHIN_DAYS} days. Give it a new "
        "secret, and the program with it: sentinel key rotate NAME. Or revoke it.",
        "rules": [_is("action", "eq", "key.expires")],
        "by": ["key"],
        "severity": "medium",
        "summary_template": "The API key {key} expires on {expires_on}",
        # It is reported every hour, and no more once it was rotated or revoked.
        "resolve_after": "3h",
    },
]  # fmt: skip


def self_watch_rule() -> Rule:
    """Return the rule of the pack."""
    return Rule(
        name=SELF_WATCH,
        tenant=SECURITY_TENANT,
        description="Sentinel's own security events: failed logins, refused access, changes of "
        "permissions, of critical rules and of notifications, keys that expire.",
        category="security",
        severity="high",
        group_by=["rule"],
    )
