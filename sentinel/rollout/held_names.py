"""Names of rules that one request holds alone, so that changes of a rule follow each other."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from sentinel.errors import Conflict
from sentinel.rollout.begun_rules import CHANGE, lease_of, refuse_during_rollout

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["HeldNames"]

_LEASE = timedelta(minutes=2)


class HeldNames:
    """Names that are held through one object; it holds a name that it holds already.

    So several steps of one change are done together: nobody changes the rule, and no rollout
    begins, between them.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: set[str] = set()

    @contextmanager
    def alone(self, name: str) -> Generator[None]:
        """Hold a name alone: names are unique over all tenants, since those of deployments are.

        Args:
            name: of the rule

        Yields:
            Nothing; nobody else changes the rule meanwhile.

        Raises:
            Conflict: somebody else changes it, or rolls files out, now
        """
        if name in self._held:
            yield
            return
        lease, holder = lease_of(CHANGE, name), secrets.token_hex(8)
        if not self._store.leases.take(lease, holder, _LEASE):
            what = f"somebody else changes the rule {name!r} now"
            raise Conflict(what, hint="Try again in a second.")
        self._held.add(name)
        try:
            refuse_during_rollout(self._store)
            yield
        finally:
            self._held.discard(name)
            self._store.leases.release(lease, holder)
