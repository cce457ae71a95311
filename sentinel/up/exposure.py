"""What of an instance others reach without a login, a secret or encryption."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import msgspec
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from sentinel.api.own_token import is_loopback
from sentinel.errors import DatabaseError
from sentinel.links import public_address
from sentinel.settings import Settings
from sentinel.settings.secure import HOLD_PASSWORDS, secret_names
from sentinel.settings.vault import SCHEME
from sentinel.store import Store
from sentinel.store.access.people import People

__all__ = ["Exposure", "exposures", "open_dashboard", "warn_of_open_dashboard"]

_log = logging.getLogger(__name__)
_ENCRYPTED = ("require", "verify-ca", "verify-full")


class Exposure(msgspec.Struct, frozen=True):
    """One thing that is exposed, and what to do about it."""

    says: str
    hint: str


def exposures(
    settings: Settings, store: Store | None = None, environ: Mapping[str, str] | None = None
) -> list[Exposure]:
    """Return what is exposed by the settings, and by the lack of accounts.

    Args:
        settings: completed by those of the running instance
        store: the shared database; None where it cannot be asked, so that accounts are left aside
        environ: whose secrets are looked at; those of this process by default

    Returns:
        The exposures, the worst first; none where nothing is.

    Raises:
        DatabaseError: the database cannot be used
        SQLAlchemyError: the database failed
    """
    everybody = None if store is None else open_dashboard(settings, store)
    secrets = _plain_secrets(os.environ if environ is None else environ)
    found = (everybody, _api(settings), _dashboard(settings), _public(settings),
             _database(settings), _issuer(settings), secrets)  # fmt: skip
    return [one for one in found if one is not None]


def open_dashboard(settings: Settings, store: Store) -> Exposure | None:
    """Return the exposure of a dashboard that other machines reach, and that asks nobody who it is.

    Args:
        settings: completed by those of the running instance
        store: the shared database, which has the accounts

    Returns:
        The exposure; None where people must log in, or the dashboard is on loopback.

    Raises:
        DatabaseError: the database cannot be used
        SQLAlchemyError: the database failed
    """
    host = settings.dashboard_host
    outside = settings.oidc_issuer and settings.oidc_client_id
    if is_loopback(host) or settings.dashboard_user_header or outside or People(store).exist():
        return None
    return Exposure(
        f"everybody who reaches the dashboard on {host} may act as an admin, since it has no "
        "account",
        "Make one: sentinel user create NAME --role admin. Or let only a proxy with a login reach "
        "it, and name its header in SENTINEL_DASHBOARD_USER_HEADER.",
    )


def warn_of_open_dashboard(
    settings: Settings, database_url: str, say: Callable[[str], None]
) -> None:
    """Say that everybody may act at the dashboard that just started, where it is so.

    Args:
        settings: of the instance
        database_url: of the shared database
        say: shows a sentence
    """
    store = Store(database_url)
    try:
        found = open_dashboard(settings, store)
    except (DatabaseError, SQLAlchemyError) as error:
        _log.warning("it is not known whether the dashboard has an account: %s", error)
        return
    finally:
        store.close()
    if found is not None:
        say(f"Warning: {found.says}. {found.hint}")


def _api(settings: Settings) -> Exposure | None:
    if is_loopback(settings.host) or settings.tls_certificate is not None:
        return None
    return Exposure(
        f"the API listens on {settings.host} without TLS, so that its keys can be read on the way",
        "Set SENTINEL_TLS_CERTIFICATE and SENTINEL_TLS_KEY, or SENTINEL_HOST=127.0.0.1 behind a "
        "proxy with TLS.",
    )


def _dashboard(settings: Settings) -> Exposure | None:
    if is_loopback(settings.dashboard_host) or settings.tls_certificate is not None:
        return None
    if settings.dashboard_url.startswith("https://"):
        return None  # of the proxy in front of it
    return Exposure(
        f"the dashboard listens on {settings.dashboard_host} without TLS",
        "Set SENTINEL_TLS_CERTIFICATE and SENTINEL_TLS_KEY. Or let the proxy in front of it speak "
        "TLS, and set SENTINEL_DASHBOARD_URL to its address.",
    )


def _public(settings: Settings) -> Exposure | None:
    address = public_address(settings)
    host = urlsplit(address).hostname or ""
    if not address or address.startswith("https://") or is_loopback(host):
        return None
    return Exposure(
        f"acknowledge links lead to {address} without TLS, so that others can read and use them",
        "Let a proxy or tunnel with TLS reach the public pages, and set SENTINEL_PUBLIC_URL to its "
        "https address.",
    )


def _database(settings: Settings) -> Exposure | None:
    try:
        url = make_url(settings.database_url) if settings.database_url else None
    except ArgumentError:
        return None  # the check of the database names it
    if url is None or url.get_backend_name() != "postgresql":
        return None
    host = url.host or str(url.query.get("host", ""))
    if not host or host.startswith("/") or is_loopback(host):
        return None
    if url.query.get("sslmode") in _ENCRYPTED:
        return None
    return Exposure(
        f"PostgreSQL on {host} may be reached without TLS",
        "Add ?sslmode=verify-full to SENTINEL_DATABASE_URL (or require, without a check of its "
        "certificate).",
    )


def _issuer(settings: Settings) -> Exposure | None:
    roles = settings.oidc_roles.replace(" ", "").split(",")
    if not settings.oidc_issuer or not {"*=admin", "*=editor"} & set(roles):
        return None
    return Exposure(
        f"everybody with a token of {settings.oidc_issuer} may change rules",
        "Name the groups that may in SENTINEL_OIDC_ROLES.",
    )


def _plain_secrets(environ: Mapping[str, str]) -> Exposure | None:
    found = [
        variable
        for name in secret_names(Settings)
        if _is_plain(name, environ.get(variable := f"SENTINEL_{name.upper()}", ""))
    ]
    if not found:
        return None
    one = found[0]
    return Exposure(
        f"{', '.join(found)} {'stand' if found[1:] else 'stands'} in plain text in the "
        "environment, which every process that is started from here inherits",
        f"Name a file in {one}_FILE, or a secret of Vault: {one}=vault:MOUNT/PATH#FIELD.",
    )


def _is_plain(name: str, value: str) -> bool:
    """Return whether the value of a setting is a secret, or a URL that has a password."""
    if not value or value.startswith(SCHEME):
        return False
    try:
        return name not in HOLD_PASSWORDS or make_url(value).password is not None
    except ArgumentError:
        return False  # the check of the database names it
