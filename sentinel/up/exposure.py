"""What of an instance other machines reach without a secret or without encryption."""

from __future__ import annotations

import msgspec
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from sentinel.api.own_token import is_loopback
from sentinel.settings import Settings

__all__ = ["Exposure", "exposures"]

_ENCRYPTED = ("require", "verify-ca", "verify-full")


class Exposure(msgspec.Struct, frozen=True):
    """One thing that is exposed, and what to do about it."""

    says: str
    hint: str


def exposures(settings: Settings) -> list[Exposure]:
    """Return what is exposed by the settings.

    Args:
        settings: completed by those of the running instance

    Returns:
        The exposures; none where nothing is.
    """
    found = (_api(settings), _dashboard(settings), _database(settings), _issuer(settings))
    return [one for one in found if one is not None]


def _api(settings: Settings) -> Exposure | None:
    if is_loopback(settings.host) or settings.tls_certificate is not None:
        return None
    return Exposure(
        f"the API listens on {settings.host} without TLS, so that its keys can be read on the way",
        "Set SENTINEL_TLS_CERTIFICATE and SENTINEL_TLS_KEY, or SENTINEL_HOST=127.0.0.1 behind a "
        "proxy with TLS.",
    )


def _dashboard(settings: Settings) -> Exposure | None:
    if is_loopback(settings.dashboard_host) or settings.dashboard_url.startswith("https://"):
        return None
    return Exposure(
        f"the dashboard listens on {settings.dashboard_host} without TLS",
        "Let the proxy in front of it speak TLS, and set SENTINEL_DASHBOARD_URL to its address.",
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
