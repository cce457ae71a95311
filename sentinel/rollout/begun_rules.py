"""Which request has begun to make a rule of which Prefect's answer is not known.

Prefect may have taken the deployment although its answer was lost. A lease on the name remembers
the request, so that the same request completes the rule, and another one is told of it.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from sentinel.errors import Conflict

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["CHANGE", "ROLLOUT", "Begun", "lease_of", "refuse_during_rollout"]

ROLLOUT = "rollout"
"""The lease of a rollout of files."""
CHANGE = "rule-change"
"""What is leased of a rule that somebody changes."""

_KEPT = timedelta(days=7)
"""So long the same request completes a rule."""


def lease_of(what: str, name: str) -> str:
    """Return the name of a lease on a rule, whose own name may be as long as a lease's.

    Args:
        what: is leased
        name: of the rule

    Returns:
        At most 100 characters.
    """
    return f"{what}:{_digest(name)}"


def refuse_during_rollout(store: Store) -> None:
    """Refuse to change a rule while files are rolled out, which may be about the same rule.

    Args:
        store: the shared database, in which the caller has leased the rule: a rollout that begins
            from now on finds that lease

    Raises:
        Conflict: somebody rolls files out now
    """
    if store.leases.holder(ROLLOUT) is not None:
        raise Conflict("rules of files are rolled out now", hint="Try again in a minute.")


class Begun:
    """A request that makes a rule, remembered until Prefect has answered.

    Args:
        store: the shared database
        name: of the rule, which the caller has leased
        request: what makes two requests the same
    """

    def __init__(self, store: Store, name: str, request: object) -> None:
        self._leases = store.leases
        self._lease = lease_of("rule-begun", name)
        self._request = _digest(request)

    def before(self) -> bool:
        """Return whether this very request was begun and not answered."""
        return self._leases.holder(self._lease) == self._request

    def mark(self) -> None:
        """Remember this request instead of any other."""
        other = self._leases.holder(self._lease)
        if other is not None:
            self._leases.release(self._lease, other)
        self._leases.take(self._lease, self._request, _KEPT)

    def done(self) -> None:
        """Forget this request."""
        self._leases.release(self._lease, self._request)


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:32]
