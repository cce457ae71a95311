"""The address of a server on another machine, where commands are given one."""

from __future__ import annotations

import os

from sentinel.errors import ConfigurationError

__all__ = ["OVER_HTTP", "refuse_remote", "remote_url"]

OVER_HTTP = (
    "access", "alert", "apikey", "audit", "canary", "channel", "delivery", "digest", "drill",
    "escalation", "event", "feed", "import", "inbox", "incident", "key", "limit", "log", "noise",
    "notify", "oncall", "orchestration", "owner", "pack", "person", "receiver", "requests",
    "role", "route", "rule", "service", "silence", "slo", "statistics", "status-page", "trace",
    "user",
)  # fmt: skip
"""Commands that take an address; those of them that need the database refuse it themselves."""


def remote_url() -> str:
    """Return the address of the server that commands use; empty for the database here."""
    return os.environ.get("SENTINEL_URL", "").strip()


def refuse_remote() -> None:
    """Refuse a command that only works on the database.

    Raises:
        ConfigurationError: an address is given
    """
    if remote_url():
        raise ConfigurationError(
            f"this command works on the machine of the server, and not over {remote_url()}",
            hint="Run it on the machine of the server, without --url and SENTINEL_URL. Over HTTP "
            f"there are, but for what needs the database: {', '.join(OVER_HTTP)}. "
            "The API can do the rest.",
        )
