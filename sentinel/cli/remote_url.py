"""The address of a server on another machine, where commands are given one."""

from __future__ import annotations

import os

from sentinel.errors import ConfigurationError

__all__ = ["refuse_remote", "remote_url"]


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
            "there are: alert; rule list, show, enable, disable, run, import; pack; silence; "
            "route; notify; owner; receiver; channel limit; key; user; role; audit list, show and "
            "verify; person; log; statistics; inbox; digest; "
            "escalation; drill; oncall, but for calendars. "
            "The API can do the rest.",
        )
