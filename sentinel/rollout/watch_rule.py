"""A rule that watches somebody else's Prefect server, made from its address alone. Pure."""

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
    """What to watch, and how.

    Attributes:
        url: of the API; empty for the Prefect that Sentinel itself runs on
        name: of the rule
        every: how often it looks
        secret: name of the Secret block that lets us in there; empty where nobody asks
        pool: the work pool that the rule runs in
        severity: of its alerts
        receivers: who hears of them
        ignore: deployments to leave alone, flow/deployment, `*` meaning anything
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
    """The API's address, however a person gives it: with or without `/api`, or the UI's.

    Raises:
        ConfigurationError: it is no web address, or has a password in it
    """
    text = given.strip()
    parts = urlsplit(text if "://" in text else f"http://{text}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"{given!r} is no web address", hint="Write it like http://prefect.example:4200/api."
        )
    if parts.username or parts.password:
        raise ConfigurationError(
            "the address has a password in it, which everybody would see in Prefect",
            hint="Leave it out, and give user:password in SENTINEL_WATCH_KEY.",
        )
    head, api, tail = parts.path.partition("/api")
    # Prefect Cloud has accounts and workspaces behind /api; a UI's page has nothing of use.
    path = f"{head}/api{tail}".rstrip("/") if api and tail[:1] in ("", "/") else "/api"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def name_of(url: str) -> str:
    """A rule's name for a server: `prefect-` and its host, and its port where it is not 4200."""
    parts = urlsplit(url)
    port = f"-{parts.port}" if parts.port not in (None, 4200) else ""
    host = re.sub(r"[^a-z0-9]+", "-", (parts.hostname or "").lower()).strip("-")
    return f"prefect-{host}{port}"[:100].strip("-")


def secret_of(name: str) -> str:
    """The name of a rule's own Secret block."""
    return re.sub(r"[^a-z0-9]+", "-", f"sentinel-{name}").strip("-")


def watch_entry(watch: Watch) -> Entry:
    """The rule as an entry, such as a file might have it."""
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
