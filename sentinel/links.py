"""Addresses that people open: the dashboard's, the Prefect UI's and their pages. Pure.

Whatever shows or sends such an address asks here; nothing else derives one from the settings.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.settings import Settings

__all__ = [
    "Addresses",
    "acknowledge_address",
    "allowed_hosts",
    "calendar_address",
    "call_address",
    "dashboard_address",
    "feed_address",
    "host_in_url",
    "is_allowed_host",
    "public_address",
    "safe_link",
    "status_address",
    "subscription_address",
    "web_address",
]

_AUTHORITY = re.compile(r"[\w.~%!$&'*+,;=:@-]*(\[[0-9A-Fa-f:.]+\](:\d*)?)?")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LEFT_ALONE = "/:@!$&'*+,;=?~-._%"
"""What may stand in a path, a query or a fragment, and `%`; but for parentheses, which Markdown
takes for its own."""


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """What every link begins with, without a slash at the end.

    `copies_runs` says whether Prefect's logs and runs are also in the telemetry store.
    """

    dashboard: str
    prefect_api: str
    prefect_ui: str
    copies_runs: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Addresses:
        """Return the addresses that the settings name, or those that follow from them.

        Args:
            settings: host, ports, and the addresses that a platform owner set

        Returns:
            The Prefect API is the one set, else `PREFECT_API_URL`, else the one of ours; its UI
            is the one set, else the one served beside that API.

        Raises:
            ConfigurationError: an address that is set cannot be opened
        """
        api = (
            settings.prefect_api_url
            or os.environ.get("PREFECT_API_URL", "")
            or f"http://{host_in_url(settings.host)}:{settings.prefect_port}/api"
        ).rstrip("/")
        ui = settings.prefect_ui_url
        ui = web_address(ui, "SENTINEL_PREFECT_UI_URL") if ui else _beside(api)
        return cls(
            dashboard=dashboard_address(settings), prefect_api=api, prefect_ui=ui.rstrip("/"),
            copies_runs=bool(settings.prefect_telemetry),
        )  # fmt: skip

    def alert(self, alert_id: str) -> str:
        """Return the address of the dashboard's page with one alert open."""
        return f"{self.dashboard}/?alert={quote(alert_id, safe='')}"

    def flow_run(self, flow_run_id: str) -> str:
        """Return the address of a flow run in the Prefect UI."""
        return f"{self.prefect_ui}/runs/flow-run/{quote(flow_run_id, safe='')}"

    def logs_of_run(self, flow_run_id: str) -> str:
        """Return the address of a flow run's log, in the dashboard where it is copied there."""
        if not self.copies_runs:
            return f"{self.flow_run(flow_run_id)}?tab=Logs"
        trace = quote(flow_run_id.replace("-", ""), safe="")
        return f"{self.dashboard}/logs?q=trace%3A{trace}&time=7d"


def run_about(details: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return address and name of the Prefect run that an alert is about.

    Args:
        details: the alert's, where checks of Prefect's runs leave `run_url` and `run`

    Returns:
        Both, or None for an alert about something else.
    """
    given = details.get("run_url")
    url = safe_link(given) if isinstance(given, str) and details.get("run") else None
    return None if url is None else (url, str(details["run"]))


def dashboard_address(settings: Settings, port: int | None = None) -> str:
    """Return the address at which people open the dashboard, without a slash at the end.

    Args:
        settings: `dashboard_url` where a platform owner set one, else the host it listens on
        port: where it listens, if it is not the settings' port: `sentinel up` picks a free one
            for port 0

    Returns:
        A URL with scheme and host.

    Raises:
        ConfigurationError: the address that is set cannot be opened
    """
    if settings.dashboard_url:
        return web_address(settings.dashboard_url, "SENTINEL_DASHBOARD_URL")
    listens = settings.dashboard_port if port is None else port
    return f"{settings.scheme}://{host_in_url(settings.dashboard_host)}:{listens}"


def public_address(settings: Settings) -> str:
    """Return the address at which people reach the public pages.

    Args:
        settings: `public_url`

    Returns:
        A URL with scheme and host, without a slash at the end; empty where none is set.

    Raises:
        ConfigurationError: the address that is set cannot be opened
    """
    return web_address(settings.public_url, "SENTINEL_PUBLIC_URL") if settings.public_url else ""


def acknowledge_address(public: str, token: str) -> str:
    """Return the address of an acknowledge link, below that of `public_address`."""
    return f"{public}/ack/{token}"


def calendar_address(public: str, token: str) -> str:
    """Return the address of a calendar feed, below that of `public_address`."""
    return f"{public}/calendar/{token}.ics"


def feed_address(public: str, token: str, ending: str) -> str:
    """Return the address of a feed of alerts, incidents or silences.

    Args:
        public: of `public_address`
        token: the secret of the feed
        ending: atom, rss or ics

    Returns:
        The address.
    """
    return f"{public}/feed/{token}.{ending}"


def status_address(public: str, name: str) -> str:
    """Return the address of a status page, below that of `public_address`; empty for none."""
    return f"{public}/status/{name}" if public else ""


def subscription_address(public: str, token: str) -> str:
    """Return the address at which a subscriber of a status page confirms and leaves."""
    return f"{public}/subscription/{token}"


def call_address(acknowledge: str) -> str:
    """Return the address that is told which key was pressed in a call about a message.

    Args:
        acknowledge: of `acknowledge_address`

    Returns:
        An address of the public pages with the same token.
    """
    public, _, token = acknowledge.rpartition("/ack/")
    return f"{public}/call/{token}"


def web_address(given: str, name: str) -> str:
    """Return an address that somebody set, as a browser opens it.

    Args:
        given: the address; without a scheme, http is meant
        name: of the setting, for the error

    Returns:
        The URL without a slash at the end, and with a host that can be reached: 127.0.0.1 for an
        unspecified address.

    Raises:
        ConfigurationError: it has another scheme, no host, or no valid port
    """
    text = given.strip()
    text = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not text.isprintable() or " " in text:
        raise ConfigurationError(
            f"{name} is {given!r}, which is no address of a web page",
            hint="Write scheme and host, such as https://sentinel.example.org.",
        )
    user = parts.netloc.rpartition("@")[0]
    netloc = "".join(
        [f"{user}@" if user else "", host_in_url(host), "" if port is None else f":{port}"]
    )
    return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))


def host_in_url(host: str) -> str:
    """Return `host` as a URL that reaches it has it.

    Args:
        host: a name or an address that a server listens on

    Returns:
        127.0.0.1 for an unspecified address (`0.0.0.0` or `::`), which a server can listen on
        and nobody can open; an IPv6 address in brackets (RFC 3986, section 3.2.2); else `host`.
    """
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1"
    return f"[{address}]" if address.version == 6 else str(address)


def allowed_hosts(settings: Settings, machine: str) -> frozenset[str]:
    """Return the names under which the API and the dashboard may be reached.

    Args:
        settings: the host that they listen on, the dashboard's address, and further names
        machine: the name of this machine

    Returns:
        Names in small letters, some with `*` as `is_allowed_host` reads it.

    Raises:
        ConfigurationError: the dashboard's address that is set cannot be opened
    """
    own = urlsplit(dashboard_address(settings)).hostname or ""
    found = {"localhost", machine, settings.host, own}
    found |= set(settings.allowed_hosts.split(","))
    return frozenset(name for one in found if (name := one.strip().lower()))


def is_allowed_host(header: str, allowed: frozenset[str]) -> bool:
    """Return whether a request for this host is for us (DNS rebinding).

    Args:
        header: the header `Host`, a name or an address, with or without a port
        allowed: of `allowed_hosts`

    Returns:
        True for a name that is allowed, for every address, which a web page cannot give to
        another machine, and where there is no header, since a browser always sends it.
    """
    if not header or "*" in allowed:
        return True
    try:
        host = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        name = host.rstrip(".")
        below = any(one.startswith("*.") and name.endswith(one[1:]) for one in allowed)
        return below or name in allowed
    return True


def _beside(api: str) -> str:
    """Return the UI of a self-hosted server, which is served beside `/api`."""
    parts = urlsplit(api)
    path = parts.path.removesuffix("/api")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def safe_link(given: str) -> str | None:
    """Return a link if a person may be sent there, else None.

    Annotations come from checks, so that a link in one may be anything, also `javascript:`.

    Args:
        given: the link as it was written

    Returns:
        The link without surrounding spaces. Spaces, brackets and whatever else would end it in
        HTML or Markdown are percent-encoded (RFC 3986), and what is encoded stays so. None where
        it is no http or https address with a host, or has control characters.
    """
    text = given.strip()
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or not text.isprintable():
        return None
    if not _AUTHORITY.fullmatch(parts.netloc):
        return None
    path, query, fragment = (
        quote(_BARE_PERCENT.sub("%25", part), safe=_LEFT_ALONE)
        for part in (parts.path, parts.query, parts.fragment)
    )
    return urlunsplit((parts.scheme, parts.netloc, path, query, fragment))
