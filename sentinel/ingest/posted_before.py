"""What became of an alert that a program posted, found by the labels that it posted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sentinel.audit.change import Change
from sentinel.labels.fingerprint import fingerprint
from sentinel.store.alerts.of_fingerprint import OfFingerprint, newest_of
from sentinel.store.orchestration.held import state_of, target_of
from sentinel.store.orchestration.passing import orchestrated
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["end_post", "newest_posted"]


def newest_posted(
    store: Store, tenant: str, rule: str, labels: Mapping[str, str]
) -> OfFingerprint | None:
    """Return the alert that posted labels became: the live one, else the newest.

    Args:
        store: the shared database
        tenant: whose
        rule: that it is a reading of
        labels: as they were posted, before orchestration

    Returns:
        The alert; None where there never was one.
    """
    return newest_of(store, target_of(store, tenant, fingerprint(tenant, rule, labels)))


def end_post(
    store: Store, tenant: str, rule: str, labels: Mapping[str, str], *, actor: str
) -> bool:
    """Note that a posted alert is over, before the alert that it became is resolved.

    Args:
        store: the shared database
        tenant: whose
        rule: that it is a reading of
        labels: as they were posted
        actor: who says so

    Returns:
        Whether nothing is to be resolved by it: orchestration held it back or dropped it, or made
        one alert of it and others that still fire.
    """
    source = fingerprint(tenant, rule, labels)
    if state_of(store, tenant, source) is None:
        return False

    def work(connection: Connection) -> bool:
        lock_rules(connection, [(tenant, rule)])
        passing = orchestrated(store, connection, tenant, rule)
        if passing is None:
            return False
        passing.load([source])
        row = passing.known(source)
        nothing_left = passing.over(source)
        passing.save()
        if row is not None and row.state == "held":
            change = Change(
                action="orchestration.ended", object_kind="orchestration", object_id=source,
                object_name=row.given["title"], tenant=tenant,
            )  # fmt: skip
            store.audit.add(connection, change, actor=actor)
        return nothing_left

    return store.in_transaction(work)
