"""Who is signed in at the dashboard: accounts and sessions, as its own login page uses them.

The first account switches login on, within a second and without a restart. Where a login proxy
names people (SENTINEL_DASHBOARD_USER_HEADER), the dashboard has no login of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dashboard.database_errors import database
from dashboard.refusals import Refusals
from sentinel.access.client_address import client_address, networks_of
from sentinel.access.security_events import SecurityEvent
from sentinel.access.sessions import Lifetime
from sentinel.errors import ConfigurationError, Conflict, DatabaseError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.logins import Logins, Refused
from sentinel.store.access.outside_logins import OutsideLogins
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Begun, FoundSession, Sessions

if TYPE_CHECKING:
    from dashboard.oidc import Oidc
    from sentinel.store.access.security_log import SecurityLog

__all__ = ["SignIn"]

KEPT_SECONDS = 1.0
"""How long it is remembered whether there is an account."""


class SignIn:
    """Logs people in and out.

    Args:
        store: the shared database
        settings: of the process
        monotonic: seconds that only rise
        callback: returns the address to which an OIDC provider sends browsers back
        security: takes the security events of this process; None for nobody

    Attributes:
        refusals: records forms that another site sent
        oidc: the login at an OIDC provider; None where none is configured
        provider: its name on the login page

    Raises:
        ConfigurationError: the settings of the provider cannot be used
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        monotonic: Callable[[], float] = time.monotonic,
        callback: Callable[[], str] = str,
        security: SecurityLog | None = None,
    ) -> None:
        given = settings.oidc_issuer and settings.oidc_client_id
        self.oidc: Oidc | None = None
        if given:
            from dashboard.oidc import Oidc  # its libraries take a while to import

            self.oidc = Oidc(store, settings, callback, monotonic)
        self.provider = settings.oidc_login_name if given else ""

        self._trusted = networks_of(settings.trusted_proxies)
        self.lifetime = Lifetime(settings.session_idle, settings.session_length)
        self._people = People(store)
        self._sessions = Sessions(store, self.lifetime)
        self._logins = Logins(store, self._sessions, "dashboard", security)
        self._security = security
        self.refusals = Refusals(security)
        self._outside = OutsideLogins(store, self._sessions)
        self._monotonic = monotonic
        self._known: tuple[bool, float] | None = None

    def is_on(self) -> bool:
        """Return whether people must log in: whether there is an account or an OIDC provider.

        While the database does not answer, what it said last holds.

        Returns:
            Whether they must.

        Raises:
            DatabaseError: it has not answered yet, so that nobody may be let in
        """
        if self.oidc is not None:
            return True
        known = self._known
        if known is None or self._monotonic() >= known[1]:
            try:
                with database():
                    known = (self._people.exist(), self._monotonic() + KEPT_SECONDS)
            except DatabaseError:
                if known is None:
                    raise
                return known[0]
            self._known = known
        return known[0]

    def forget(self) -> None:
        """Have the database asked anew whether people must log in: an account was made just now."""
        self._known = None

    def session(self, secret: str) -> FoundSession | None:
        """Return the session of a cookie.

        Args:
            secret: what the cookie holds; empty for no cookie

        Returns:
            The session; None where it is unknown, ended or expired.

        Raises:
            DatabaseError: the database cannot be used
        """
        if not secret:
            return None
        with database():
            return self._sessions.find(secret)

    def log_in(self, name: str, password: str, address: str = "") -> Begun | Refused:
        """Log a person in with a password, which takes 64 MiB and a core for a while.

        Args:
            name: as it was typed
            password: as it was typed
            address: of the client; empty where it is unknown

        Returns:
            As `Logins.log_in`.

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return self._logins.log_in(name, password, address)

    def come_back(self, code: str, state: str, cookie: str, address: str = "") -> tuple[Begun, str]:
        """Log in a person whom an OIDC provider sent back.

        Args:
            code: of the provider
            state: as it came back
            cookie: what this browser began with
            address: of the client; empty where it is unknown

        Returns:
            The session, and the page to open.

        Raises:
            ConfigurationError: the provider did not recognize anybody who may log in
            Conflict: another account has the person's name
            DatabaseError: the database cannot be used
        """
        try:
            return self._come_back(code, state, cookie)
        except (ConfigurationError, Conflict):
            if self._security is not None:
                failed = SecurityEvent(
                    action="login.failed", door="dashboard", address=address, reason="oidc"
                )
                self._security.note(failed)
            raise

    def _come_back(self, code: str, state: str, cookie: str) -> tuple[Begun, str]:
        if self.oidc is None:
            raise ConfigurationError("there is no such login here", hint="Log in on the page.")
        found = self.oidc.finish(code, state, cookie)
        with database():
            begun = self._outside.log_in(
                found.issuer, found.subject, name=found.name, display_name=found.display_name,
                role=found.role,
            )  # fmt: skip
        if begun is None:
            raise ConfigurationError("your account is disabled", hint="Ask an admin to enable it.")
        return begun, found.target

    def address_of(self, peer: str, forwarded: Sequence[str]) -> str:
        """Return the address of a client, past the proxies that the settings trust.

        Args:
            peer: of the connection; empty where it has none
            forwarded: the values of `X-Forwarded-For`

        Returns:
            The address; empty where nothing names one.
        """
        return client_address(peer, forwarded, self._trusted)

    def end(self, session: str) -> None:
        """End a session; every process refuses it at once."""
        self._sessions.end(session)
