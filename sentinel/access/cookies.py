"""The cookie of a session, and which writes that carry it are the page's own.

The cookie is HttpOnly, so that no script reads it; SameSite=Lax, so that other sites' forms do not
carry it; and Secure wherever the browser came by TLS. SameSite counts every port and subdomain of
a site as the same, so a write that carries it must come from the same origin besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

__all__ = ["COOKIE", "came_by_tls", "ended_cookie", "is_own_write", "session_cookie"]

COOKIE = "sentinel_session"
_PORTS = {"http": 80, "https": 443}
_READING = ("GET", "HEAD", "OPTIONS")


def session_cookie(secret: str, length: timedelta, *, secure: bool) -> str:
    """Return the header `Set-Cookie` that gives a browser its session.

    Args:
        secret: of the session
        length: until the browser forgets it
        secure: whether the browser came by TLS

    Returns:
        The header's value.
    """
    return f"{COOKIE}={secret}; Max-Age={int(length.total_seconds())}" + _flags(secure)


def ended_cookie(*, secure: bool) -> str:
    """Return the header `Set-Cookie` that takes the session from a browser."""
    return f"{COOKIE}=; Max-Age=0" + _flags(secure)


def _flags(secure: bool) -> str:
    return "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")


def came_by_tls(scheme: str, headers: Mapping[str, str], public_url: str = "") -> bool:
    """Return whether a browser reached this server by TLS, itself or through a proxy.

    Args:
        scheme: of the request, as the server sees it
        headers: of the request, by names in small letters
        public_url: where people open the dashboard, if it is set; a proxy that ends TLS and says
            nothing of it is recognized by its host

    Returns:
        Whether it did. Whoever sends a false header only harms themselves.
    """
    if scheme in ("https", "wss"):
        return True
    if headers.get("x-forwarded-proto", "").split(",")[0].strip().lower() == "https":
        return True
    public = urlsplit(public_url)
    return public.scheme == "https" and headers.get("host", "").lower() == public.netloc.lower()


def is_own_write(method: str, headers: Mapping[str, str], public_url: str = "") -> bool:
    """Return whether a request may change something in the name of the cookie that it carries.

    Browsers say with every write where it comes from: `Sec-Fetch-Site`, and `Origin` where they
    are older or there is no TLS. A write that says neither is refused; programs send a token.

    Args:
        method: HTTP's
        headers: of the request, by names in small letters
        public_url: where people open the server, if it is set, for a proxy that passes another
            `Host` on; an address of this machine is not taken, which is everybody's own

    Returns:
        Whether it reads only, or comes from this origin.
    """
    if method.upper() in _READING:
        return True
    site = headers.get("sec-fetch-site", "")
    if site:
        return site == "same-origin"
    origin = urlsplit(headers.get("origin", ""))
    host = headers.get("host", "").lower()
    if host and origin.netloc.lower() == host:
        return True
    public = urlsplit(public_url)
    own = _origin(public)
    return own is not None and _is_public(own[1]) and _origin(origin) == own


def _is_public(host: str) -> bool:
    return bool(host) and host not in ("localhost", "::1") and not host.startswith("127.")


def _origin(url: SplitResult) -> tuple[str, str, int | None] | None:
    try:
        port = url.port
    except ValueError:  # no number
        return None
    return url.scheme, url.hostname or "", port or _PORTS.get(url.scheme)
