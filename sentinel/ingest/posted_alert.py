"""Alerts that programs create by themselves, one at a time.

Each is a reading of the rule `api`, as an alert of Alertmanager is one of the rule `prometheus`:
its service, its name and its labels identify it. It stays open until somebody resolves it, since
nothing reports it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from sentinel.checks.reading import Reading
from sentinel.errors import ConfigurationError, Conflict
from sentinel.ingest.arrivals import Message, arrive
from sentinel.labels.fingerprint import fingerprint
from sentinel.notifications.door_canary import marker_of
from sentinel.store.alerts.of_fingerprint import newest_of
from sentinel.store.notifications.door_canaries import is_expected
from sentinel.store.orchestration.held import state_of, target_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["POSTED", "Posted", "post_alert"]

POSTED = "api"
"""The rule of alerts that are created over HTTP."""


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an alert that was created.

    Attributes:
        alert_id: of the alert
        opened: whether it opened by this; else it was live already and counts one occurrence more
        kept: held or dropped, where orchestration let no alert open, whose id is empty then
        by: the rule of orchestration that did
        due: until when it is held back unless it is resolved before
    """

    alert_id: str
    opened: bool
    kept: Literal["held", "dropped", ""] = ""
    by: str = ""
    due: datetime | None = None


def post_alert(
    store: Store,
    *,
    actor: str,
    labels: Mapping[str, str],
    title: str,
    severity: str,
    value: float | None = None,
    annotations: Mapping[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
    team: str = "",
    tenant: str = "default",
    rule: Literal["api", "opsgenie", "pagerduty", "sentinel-drill"] = POSTED,
) -> Posted:
    """Open an alert, or count one occurrence more of the live alert with these labels.

    Args:
        store: the shared database
        actor: who creates it, for the audit trail; that it occurred once more is not recorded
        labels: identify it
        title: one line for people
        severity: a severity word
        value: the number that is wrong, if there is one
        annotations: texts for people by name
        details: anything worth keeping with it
        team: the team that owns what it is about
        tenant: whose it is
        rule: that it is a reading of

    Returns:
        The alert.

    Raises:
        Conflict: the rule is disabled
        ConfigurationError: the alert cannot be stored
        DatabaseError: too many at once; nothing was written
    """
    print_ = fingerprint(tenant, rule, labels)
    before = newest_of(store, target_of(store, tenant, print_))
    live = before is not None and before.live
    reading = Reading(
        labels=labels,
        value=value,
        firing=True,
        summary=title,
        severity=severity,
        annotations=annotations or {},
        details=details or None,
        team=team,
        occurrences=1,
        # Who creates an alert again after it was resolved means a new episode.
        started=None if live else store.now(),
    )
    applied = arrive(store, Message(sender=rule, tenant=tenant, readings=[reading], actor=actor))
    if applied.outcome == "disabled":
        raise Conflict(
            f"the rule {rule!r} is disabled, so nothing was stored",
            hint=f"Enable it with: sentinel rule enable {rule}",
        )
    if applied.outcome == "error":
        raise ConfigurationError(applied.error, hint="See /docs for the fields and their bounds.")
    came = state_of(store, tenant, print_)
    if came is not None and came.state in ("held", "dropped"):
        return Posted(alert_id="", opened=False, kept=came.state, by=came.rule, due=came.due_at)
    if _is_canary(store, rule, labels):
        return Posted(alert_id="", opened=False, kept="dropped", by="canary")
    after = newest_of(store, print_ if came is None or not came.target else came.target)
    if after is None:
        raise ConfigurationError("the alert was not opened", hint=applied.error)
    return Posted(alert_id=after.id, opened=not live)


def _is_canary(store: Store, rule: str, labels: Mapping[str, str]) -> bool:
    """Return whether it is a canary at the door, which opens no alert (`door_canary`)."""
    marker = marker_of(rule, labels)
    if not marker:
        return False
    with store.read() as connection:
        return is_expected(connection, rule, marker)
