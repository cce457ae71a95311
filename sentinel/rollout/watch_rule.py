"""The rule that watches an existing Prefect server, made from its address. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError
from sentinel.rollout.files import Entry
from sentinel.timing.schedule import anchor_for

__all__ = ["Watch", "api_of", "name_of", "secret_of", "watch_entry"]


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a rule that watches a Prefect server.

    Attributes:
        url: address of the API; empty for the Prefect server that Sentinel runs on
        name: name of the rule
        every: interval of the evaluations
        secret: name of the Secret block with the server's key; empty if it needs none
        pool: work pool that the rule runs in
        severity: severity of the alerts
        receivers: receivers of the alerts
        ignore: deployments to ignore, as flow/deployment; `*` matches anything
    """

    url: str
    name: str
    every: timedelta
    secret: str
    pool: str
    severity: str
    receivers: Sequence[str]
    ignore: Sequence[str] = ()


def api_of(given: str) -> str:
    """Return the address of the API for an address that a person gave.

    Args:
        given: address of the API, with or without `/api`, or of the UI

    Returns:
        The URL of the API.

    Raises:
        ConfigurationError: it is not a web address, or contains a password
    """
    text = given.strip()
    parts = urlsplit(text if "://" in text else f"http://{text}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"{given!r} is not a web address", hint="Example: http://prefect.example:4200/api"
        )
    if parts.username or parts.password:
        raise ConfigurationError(
            "the address contains a password, which would be visible in Prefect",
            hint="Remove it, and set SENTINEL_WATCH_KEY to user:password.",
        )
    head, api, tail = parts.path.partition("/api")
    # Prefect Cloud has accounts and workspaces behind /api; the path of a UI page is dropped.
    path = f"{head}/api{tail}".rstrip("/") if api and tail[:1] in ("", "/") else "/api"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def name_of(url: str) -> str:
    """Return the rule's default name: `prefect-`, the host, and the port if it is not 4200."""
    parts = urlsplit(url)
    port = f"-{parts.port}" if parts.port not in (None, 4200) else ""
    host = re.sub(r"[^a-z0-9]+", "-", (parts.hostname or "").lower()).strip("-")
    return f"prefect-{host}{port}"[:100].strip("-")


def secret_of(name: str) -> str:
    """Return the name of a rule's own Secret block."""
    return re.sub(r"[^a-z0-9]+", "-", f"sentinel-{name}").strip("-")


def watch_entry(watch: Watch) -> Entry:
    """Return the rule as an entry of a deployment file."""
    seconds = watch.every.total_seconds()
    where = watch.url or "the Prefect server that Sentinel runs on"
    what = f"Deployments of {where} whose runs fail, are late or stuck, or have no worker."
    parameters: dict[str, Any] = {}
    if watch.url:
        parameters["api_url"] = watch.url
    if watch.secret:
        parameters["api_key"] = f"{{secret:{watch.secret}}}"
    if watch.ignore:
        parameters["ignore"] = list(watch.ignore)
    parameters["rule"] = {
        "name": watch.name,
        "description": what,
        "every": format_duration(watch.every),
        "severity": watch.severity,
        "receivers": list(watch.receivers),
        # The exception and the end of the log, in every message.
        "annotations": {"description": "{report}"},
    }
    spec: dict[str, Any] = {
        "name": watch.name,
        "description": what,
        "tags": ["sentinel"],
        "entrypoint": "flows.rules.prefect_runs",
        "pull": [],
        "work_pool": {"name": watch.pool},
        "parameters": parameters,
        "schedules": [
            {
                "slug": "every",
                "interval": int(seconds) if seconds == int(seconds) else seconds,
                "anchor_date": anchor_for(watch.name, watch.every).isoformat(),
                "timezone": "UTC",
            }
        ],
    }
    return Entry(file="sentinel watch", origin="", place=1, name=watch.name, spec=spec, whole={})
