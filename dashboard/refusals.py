"""What the dashboard refuses, recorded as security events.

A page whose login ended, or that this server did not make, is refused too and not recorded: pages
that are open over a night or a restart ask all the time.
"""

from __future__ import annotations

import atexit
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from sentinel.access.security_events import SecurityEvent
from sentinel.errors import ConfigurationError
from sentinel.store.access.security_log import SecurityLog

if TYPE_CHECKING:
    from sentinel.access import Principal
    from sentinel.store import Store

__all__ = ["Refusals"]

Door = Literal["dashboard", "live"]


class Refusals:
    """Records refusals.

    Args:
        security: takes the security events of this process, as an attribute; None for nobody
    """

    def __init__(self, security: SecurityLog | None = None) -> None:
        self.security = security

    @classmethod
    def into(cls, store: Store) -> Refusals:
        """Return what records into a database until the process ends."""
        security = SecurityLog(store)
        atexit.register(security.close)
        return cls(security)

    @contextmanager
    def of_command(self, kind: type[object], who: Principal) -> Generator[None]:
        """Record it where the block refuses a command.

        Args:
            kind: of the command
            who: sent it

        Yields:
            Nothing.

        Raises:
            ConfigurationError: what the block raised
        """
        try:
            yield
        except ConfigurationError:
            self._note("dashboard", kind.__name__, "forbidden", who)
            raise

    def of_other_site(
        self, door: Door, what: str, address: str, who: Principal | None = None
    ) -> None:
        """Record a request that another site sent.

        Args:
            door: where it came in
            what: the route
            address: of the client; empty where it is not known
            who: whose session it carries; None without one
        """
        self._note(door, what, "other_site", who, address)

    def _note(
        self, door: Door, what: str, reason: str, who: Principal | None, address: str = ""
    ) -> None:
        if self.security is None:
            return
        self.security.note(
            SecurityEvent(
                action="access.refused", door=door, who="" if who is None else who.name,
                who_kind="" if who is None else who.kind, address=address, what=what,
                reason=reason,
            )
        )  # fmt: skip
