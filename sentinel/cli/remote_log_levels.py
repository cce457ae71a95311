"""Log levels of a server on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sentinel.cli.remote import client_here

if TYPE_CHECKING:
    from sentinel.client.log_levels import LogLevel

__all__ = ["levels_there", "reset_there", "set_level_there"]


def levels_there() -> Sequence[LogLevel]:
    """Return the log levels that are set on the server."""
    from sentinel.client.log_levels import log_levels

    with client_here() as client:
        return client.do(log_levels()).log_levels


def set_level_there(component: str, level: str, length: timedelta) -> LogLevel:
    """Set the log level of a component of the server, and return it."""
    from sentinel.client.log_levels import set_log_level

    with client_here() as client:
        held = client.do(set_log_level(component, level, length=length)).log_levels
    return next(one for one in held if one.component == component.lower())


def reset_there(component: str | None) -> Sequence[LogLevel]:
    """Take log levels of the server back.

    Args:
        component: whose; None for every one that is set

    Returns:
        The levels that held.
    """
    from sentinel.client.log_levels import log_levels, reset_log_level

    with client_here() as client:
        held = client.do(log_levels()).log_levels
        if component is not None:
            client.do(reset_log_level(component))
            return [one for one in held if one.component == component.lower()]
        for one in held:
            client.do(reset_log_level(one.component))
        return held
