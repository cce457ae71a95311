"""What became of an alert that a program posted, found by the labels that it posted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sentinel.labels.fingerprint import fingerprint
from sentinel.store.alerts.of_fingerprint import OfFingerprint, newest_of
from sentinel.store.orchestration.held import end_if_held, target_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["end_held_post", "newest_posted"]


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


def end_held_post(store: Store, tenant: str, rule: str, labels: Mapping[str, str]) -> bool:
    """Note that a posted alert is over that orchestration holds back; nobody hears of it.

    Args:
        store: the shared database
        tenant: whose
        rule: that it is a reading of
        labels: as they were posted

    Returns:
        Whether it was held back.
    """
    return end_if_held(store, tenant, fingerprint(tenant, rule, labels))
