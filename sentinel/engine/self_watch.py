"""Self-watch in the relay, which needs no worker: its event policies, and keys that expire soon."""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel.access.security_events import SECURITY_TENANT, key_event
from sentinel.alerts.run_source import RunSource
from sentinel.event_policies.self_watch import (
    KEY_EXPIRES_WITHIN_DAYS,
    POLICIES,
    self_watch_rule,
)
from sentinel.store import Store
from sentinel.store.access.keys import Keys

__all__ = ["SelfWatch"]

_SOON = timedelta(days=KEY_EXPIRES_WITHIN_DAYS)


class SelfWatch:
    """Keeps the event policies over Sentinel's own security events.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def evaluate(self, now: datetime) -> None:
        """Roll the policies out where they are new, and match what nobody has matched yet.

        Args:
            now: the present time
        """
        soon = [
            key_event(key.id, key.name, key.secrets[0].prefix, key.expires_at, now)
            for key in Keys(self._store).list()
            if key.expires_at is not None and now < key.expires_at <= now + _SOON
        ]
        # One an hour is new, whichever process says it.
        if soon:
            self._store.events.add(soon, tenant=SECURITY_TENANT)
        port = self._store.event_port(self_watch_rule(), RunSource())
        port.match(POLICIES, alone=False)
